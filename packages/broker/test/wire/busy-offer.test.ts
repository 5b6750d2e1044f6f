import { encode } from "@pb/banana";
import { Broker } from "@pb/broker";
import { ServerBusyError } from "@pb/broker/extension";
import { linkPair } from "@pb/broker/testing";
import { expect, test } from "vitest";

/** How a client ends, or goes on, that receives an offer of these dialects. */
async function receiveOffer(...names: string[]): Promise<unknown> {
  const { listener, initiator } = linkPair();
  const client = new Broker(initiator);
  listener.start({ received: () => undefined, drained: () => undefined, lost: () => undefined });
  listener.send(encode(names.map((name) => new TextEncoder().encode(name))));
  return client.ready.then(
    () => "ready",
    (error: unknown) => error,
  );
}

test("a notice ends the attempt with its limit and its time", async () => {
  const { notice } = new ServerBusyError("strangers", 1_500.2);
  expect(await receiveOffer(notice, "pb", "none")).toMatchObject({
    reason: "busy",
    message: expect.stringContaining("The server refused the connection: The server is busy") as string,
    cause: { name: "ServerBusyError", limit: "strangers", retryAfterMs: 1_501 },
  });
});

test("a time of more than an hour is not believed", async () => {
  expect(await receiveOffer("pbx-busy connections 999999999", "pb")).toMatchObject({
    cause: { retryAfterMs: 3_600_000 },
  });
});

test.each([
  "pbx-busy connections",
  "pbx-busy connections 1e9",
  "pbx-busy connections 9999999999",
  "pbx-busy \u001b[2J 1",
  `pbx-busy ${"x".repeat(41)} 1`,
  "pbx-busy connections 10 and more",
])("%j is a dialect that nobody knows", async (name) => {
  expect(await receiveOffer(name, "pb", "none")).toBe("ready");
});

test("a notice after the first name is not a notice", async () => {
  expect(await receiveOffer("none", new ServerBusyError("connections", 1).notice)).toBe("ready");
});
