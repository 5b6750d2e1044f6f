import { getEventListeners } from "node:events";
import { Broker } from "@pb/broker";
import { linkPair } from "@pb/broker/testing";
import { ConnectError, openBroker } from "@pb/transport";
import { expect, test } from "vitest";
import { echo, Echo } from "../support/echo.js";

test("resolves with a broker that is ready, and the signal has no effect afterwards", async () => {
  const { listener, initiator } = linkPair();
  const server = new Broker(listener, { root: new Echo() });
  const controller = new AbortController();
  const client = await openBroker(initiator, {}, { signal: controller.signal, timeoutMs: 10_000 });
  expect(getEventListeners(controller.signal, "abort")).toEqual([]);
  controller.abort();
  expect(await echo(client, "hi")).toBe("hi");
  await client.close();
  expect((await server.closed).reason).toBe("lost");
});

test("rejects with the reason of the signal and closes the link", async () => {
  const { listener, initiator } = linkPair();
  const server = new Broker(listener);
  listener.hold();
  const reason = new Error("enough");
  const controller = new AbortController();
  const attempt = openBroker(initiator, {}, { signal: controller.signal });
  controller.abort(reason);
  await expect(attempt).rejects.toBe(reason);
  listener.release();
  expect((await server.closed).reason).toBe("lost");
});

test("closes the link if the signal is already aborted", async () => {
  const { listener, initiator } = linkPair();
  const server = new Broker(listener);
  const reason = new Error("enough");
  await expect(openBroker(initiator, {}, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  expect((await server.closed).reason).toBe("lost");
});

test("rejects after its timeout if the peer does not answer", async () => {
  const { initiator } = linkPair();
  const error: unknown = await openBroker(initiator, {}, { timeoutMs: 20 }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ConnectError);
  expect(error).toMatchObject({
    code: "CONNECT_TIMEOUT",
    message: "memory: The connection was not ready within 20 ms",
  });
});

test("rejects if the two ends do not agree on a dialect", async () => {
  const { listener, initiator } = linkPair();
  listener.start({ received: () => undefined, drained: () => undefined, lost: () => undefined });
  listener.send(Uint8Array.of(0xff));
  await expect(openBroker(initiator, {})).rejects.toMatchObject({ name: "ConnectionLostError", reason: "negotiation" });
});
