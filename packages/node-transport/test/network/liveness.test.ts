// Liveness over sockets: dead peers are noticed in time, and slow peers are not taken for dead.

import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { connect, listen } from "@pb/node-transport";
import type { LivenessOptions } from "@pb/node-transport";
import { BadNetwork } from "../support/bad-network.js";
import { twistedServer, TwistedPeer } from "../twisted/twisted-peer.js";
import { echo, Echo, sleep, until } from "../support/echo.js";

const here = "tcp:0:interface=127.0.0.1";
/** For peers in this process. */
const quick: LivenessOptions = { intervalMs: 100, answerMs: 800 };
/** For peers in other processes, which need time to answer on a machine under load. */
const patient: LivenessOptions = { intervalMs: 100, answerMs: 4000 };
/** Much longer than a dead peer takes to be noticed, and much shorter than TCP takes. */
const NOTICED_MS = 60_000;

describe.skipIf(process.platform === "win32").for(inject("twisteds"))("Twisted $version", (twisted) => {
  test("is noticed as a frozen server, and pending calls reject", async () => {
    await using server = await twistedServer(twisted, here);
    const connection = await connect(`tcp:127.0.0.1:${server.port}`, { liveness: patient });
    const root = await connection.getRootObject();
    expect(await root.callRemote("echo", "alive")).toBe("alive");
    await server.freeze();
    const start = performance.now();
    await expect(root.callRemote("echo", "frozen")).rejects.toMatchObject({
      code: "CONNECTION_LOST",
      reason: "unresponsive",
      message: "The peer stopped answering: nothing was received for 4000 ms after a ping",
    });
    const took = performance.now() - start;
    expect(took).toBeGreaterThan(3900);
    expect(took).toBeLessThan(NOTICED_MS);
    expect((await connection.closed).reason).toBe("unresponsive");
  });

  test("is noticed while calls are still sent to it", async () => {
    await using server = await twistedServer(twisted, here);
    const connection = await connect(`tcp:127.0.0.1:${server.port}`, { liveness: patient });
    const root = await connection.getRootObject();
    await root.callRemote("echo", "alive");
    await server.freeze();
    const start = performance.now();
    const sending = setInterval(() => root.sendRemote("echo", "hello"), 20);
    connection.notifyOnDisconnect(() => clearInterval(sending));
    expect((await connection.closed).reason).toBe("unresponsive");
    expect(performance.now() - start).toBeLessThan(NOTICED_MS);
  });

  test("is noticed as a frozen client", async () => {
    await using server = await listen(here, new Counterpart(), { liveness: patient });
    await using client = new TwistedPeer(twisted, "client", `tcp:127.0.0.1:${server.port}`, "stay");
    expect(await client.nextLine()).toBe("ok");
    const [connection] = [...server.connections];
    await sleep(500);
    expect(connection!.isOpen).toBe(true);
    await client.freeze();
    expect((await connection!.closed).reason).toBe("unresponsive");
  });

  test("is not taken for dead while it is busy or frozen for less than answerMs", async () => {
    await using server = await twistedServer(twisted, here);
    const liveness = { intervalMs: 50, answerMs: 12_000 };
    await using connection = await connect(`tcp:127.0.0.1:${server.port}`, { liveness });
    const root = await connection.getRootObject();
    await root.callRemote("busy", 1);
    await server.freeze();
    await sleep(1000);
    server.thaw();
    expect(await root.callRemote("echo", "back")).toBe("back");
  });

  test("is not taken for dead because this process was busy", async () => {
    await using server = await twistedServer(twisted, here);
    const liveness = { intervalMs: 20, answerMs: 4000 };
    await using connection = await connect(`tcp:127.0.0.1:${server.port}`, { liveness });
    const root = await connection.getRootObject();
    for (let round = 0; round < 2; round++) {
      await sleep(30);
      // Blocks this process, as a long computation does, and leaves the processor to other tests.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 7000);
      expect(await root.callRemote("echo", round)).toBe(round);
    }
  });
});

class Counterpart extends Echo {
  async remote_callBack(
    reference: { callRemote(name: string, value: unknown): unknown },
    value: unknown,
  ): Promise<unknown> {
    return reference.callRemote("echo", value);
  }

  remote_fail(text: string): never {
    throw new Error(text);
  }
}

describe("a silently cut connection", () => {
  test("is noticed at both ends", async () => {
    await using server = await listen(here, new Echo(), { liveness: quick });
    await using network = await BadNetwork.before(server.port);
    const connection = await connect(`tcp:127.0.0.1:${network.port}`, { liveness: quick });
    await echo(connection, "alive");
    const [other] = [...server.connections];
    network.cut();
    const start = performance.now();
    const reasons = await Promise.all([connection.closed, other!.closed]);
    expect(reasons.map(({ reason }) => reason)).toEqual(["unresponsive", "unresponsive"]);
    expect(performance.now() - start).toBeLessThan(NOTICED_MS);
    expect(server.connections.size).toBe(0);
  });

  test("is not noticed with `liveness: false`", async () => {
    await using server = await listen(here, new Echo(), { liveness: false });
    await using network = await BadNetwork.before(server.port);
    const connection = await connect(`tcp:127.0.0.1:${network.port}`, { liveness: false });
    await echo(connection, "alive");
    network.cut();
    await sleep(1500);
    expect(connection.isOpen).toBe(true);
    expect(server.connections.size).toBe(1);
    connection.terminate("closed");
    await server.destroy();
  });
});

describe("a slow connection is not taken for dead", () => {
  test("when an answer takes longer than answerMs to transfer", async () => {
    await using server = await listen(here, new Echo(), { liveness: quick });
    await using network = await BadNetwork.before(server.port);
    await using connection = await connect(`tcp:127.0.0.1:${network.port}`, { liveness: quick });
    Object.assign(network.conditions, { bytesPerSecond: 400_000, pieceBytes: 8_000 });
    // 2.5 seconds in each direction: three times answerMs, and the pings are queued behind it.
    const text = "x".repeat(500_000);
    const answers = await Promise.all([echo(connection, text), echo(connection, text)]);
    expect(answers).toEqual([text, text]);
  });

  test("when its round trip is long, and latency() reports it", async () => {
    await using server = await listen(here, new Echo(), { liveness: quick });
    await using network = await BadNetwork.before(server.port);
    network.conditions.delayMs = 60;
    await using connection = await connect(`tcp:127.0.0.1:${network.port}`, { liveness: quick });
    await until(() => connection.latency() !== undefined, "the latency is known");
    expect(connection.latency()).toBeGreaterThan(115);
    expect(connection.latency()).toBeLessThan(NOTICED_MS);
    await sleep(1500);
    expect(await echo(connection, "alive")).toBe("alive");
  });
});

test("a peer that reads nothing is noticed", async () => {
  const server = createServer((socket) => {
    onTestFinished(() => void socket.destroy()); // It does not read that the other end has closed.
    socket.pause().write(Buffer.from("02800282706204826e6f6e65", "hex"));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const connection = await connect(`tcp:127.0.0.1:${port}`, { liveness: quick });
  const root = await connection.getRootObject();
  for (let count = 0; count < 60; count++) root.sendRemote("echo", "x".repeat(500_000));
  const { reason } = await connection.closed;
  expect(reason).toBe("unresponsive");
  server.close();
});
