// The reconnecting client over sockets. See @pb/transport for its behavior in detail.

import { expect, onTestFinished, test } from "vitest";
import { listen, NotConnectedError, OutcomeUnknownError, reconnecting } from "@pb/node-transport";
import type { ReconnectOptions, ReconnectState } from "@pb/node-transport";
import { checkCallsAhead, ContractRoot } from "../../../transport/test/support/reconnecting-contract.js";
import { BadNetwork } from "../support/bad-network.js";
import { Echo, sleep, until } from "../support/echo.js";

const here = "tcp:0:interface=127.0.0.1";

/** A server, a network in front of it, and a client that reconnects. */
async function start(options: ReconnectOptions<Echo> = {}) {
  const root = new Echo();
  const server = await listen(here, root);
  const network = await BadNetwork.before(server.port);
  const states: ReconnectState<Echo>[] = [];
  const client = reconnecting<Echo>(`tcp:127.0.0.1:${network.port}`, {
    backoff: { firstMs: 20, highestMs: 100 },
    ...options,
    onState: (state) => states.push(state),
  });
  onTestFinished(async () => {
    await client.close();
    await network[Symbol.asyncDispose]();
    await server.destroy();
  });
  return { root, server, network, client, states };
}

test("connects again when the connection is lost", async () => {
  const { client, network, states } = await start();
  const first = await client.current();
  expect(await client.callRemote("echo", "hi")).toBe("hi");
  const { connection } = client;
  network.drop();
  expect((await connection!.closed).reason).toBe("lost");
  expect(await client.current()).not.toBe(first);
  expect(first.isAlive).toBe(false);
  expect(await client.callRemote("echo", "again")).toBe("again");
  const waiting = states.find((state) => state.is === "waiting")!;
  expect(waiting).toMatchObject({ attempt: 2, cause: { code: "CONNECTION_LOST" }, until: expect.any(Date) });
});

test("sends only idempotent calls again when the connection is lost", async () => {
  const { client, network, root } = await start({ idempotent: ["wait"] });
  const again = client.callRemote("wait", "again");
  const once = client.with({ idempotent: false }).callRemote("wait", "once");
  const outcome = once.catch((error: unknown) => error);
  await until(() => root.waiting.length === 2, "both calls run");
  network.drop();
  expect(await outcome).toBeInstanceOf(OutcomeUnknownError);
  await until(() => root.waiting.length === 3, "one call runs again");
  root.answerAll();
  expect(await again).toBe("again");
});

test("calls results that have not arrived, and tells the server deadlines and traces", async () => {
  await using server = await listen(here, new ContractRoot());
  await using client = reconnecting<ContractRoot>(`tcp:127.0.0.1:${server.port}`);
  await checkCallsAhead(client);
});

test("lets calls wait while the network is down", async () => {
  const { client, network, root } = await start();
  const { connection } = await client.current().then(() => client);
  network.cut({ all: true });
  network.drop();
  await connection!.closed;
  const call = client.callRemote("echo", "patience");
  await sleep(100);
  expect(root.seen.size).toBe(0);
  network.mend();
  network.drop();
  expect(await call).toBe("patience");
  expect(root.seen.get("patience")).toBe(1);
});

test("notices a silently cut connection with its liveness options", async () => {
  const { client, network, root } = await start({
    liveness: { intervalMs: 50, answerMs: 400 },
    idempotent: ["echo"],
  });
  await client.callRemote("echo", 1);
  network.cut();
  expect(await client.callRemote("echo", 2)).toBe(2);
  expect(network.made).toBe(2);
  expect(root.seen.get(2)).toBe(1);
});

test("stops after the given number of failed attempts", async () => {
  const gone = await listen(here, new Echo());
  const { port } = gone;
  await gone.close();
  const states: ReconnectState[] = [];
  const client = reconnecting(`tcp:127.0.0.1:${port}`, {
    backoff: { firstMs: 10, factor: 2, jitter: 0, attempts: 4 },
    onState: (state) => states.push(state),
  });
  await expect(client.callRemote("echo", 1)).rejects.toMatchObject({
    code: "CALL_NOT_CONNECTED",
    cause: { code: "ECONNREFUSED" },
  });
  expect(client.state).toMatchObject({ is: "stopped", cause: { code: "ECONNREFUSED" } });
  expect(states.filter((state) => state.is === "waiting").map(({ attempt }) => attempt)).toEqual([2, 3, 4]);
  await expect(client.current()).rejects.toBeInstanceOf(NotConnectedError);
});

test("close cancels an attempt to connect", async () => {
  const { client, network, states } = await start();
  const { connection } = await client.current().then(() => client);
  network.cut({ all: true });
  network.drop();
  await connection!.closed;
  await until(() => client.state.is === "connecting", "the next attempt has started");
  await client.close();
  await sleep(100);
  expect(states.at(-1)).toEqual({ is: "stopped", cause: undefined });
});

test("reports errors of callbacks to the option `onEvent` of the broker", async () => {
  const events: unknown[] = [];
  const { client } = await start({ broker: { onEvent: (event) => events.push(event) } });
  using _throwing = client.onState(() => {
    throw new Error("bug");
  });
  expect(await client.callRemote("echo", 1)).toBe(1);
  expect(events).toContainEqual({ kind: "callback-failed", error: new Error("bug") });
});

test("throws at once for an invalid endpoint", () => {
  expect(() => reconnecting("tcp:nowhere")).toThrow("port: missing");
});
