// Who is taken for dead, how soon, and who is not: a merely slow peer.

import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { describe, expect, inject, test, vi } from "vitest";
import { connect, listen } from "@pb/node-transport";
import type { LivenessOptions } from "@pb/node-transport";
import { Broker } from "@pb/broker";
import { BadNetwork } from "./bad-network.js";
import { twistedServer, TwistedPeer } from "./peers/peers.js";
import { echo, Echo, sleep, until } from "./worlds.js";

const here = "tcp:0:interface=127.0.0.1";
/** For peers in this process. */
const quick: LivenessOptions = { intervalMs: 100, answerMs: 800 };
/** For peers in other processes, which need time to answer when the machine is busy. */
const patient: LivenessOptions = { intervalMs: 100, answerMs: 4000 };
/** Long after the time in which a dead peer is noticed, and long before TCP itself notices it. */
const inTime = 60_000;

describe.skipIf(process.platform === "win32").for(inject("twisteds"))("Twisted $version", (twisted) => {
  test("is given up as a server when it is frozen, and calls that wait for it reject", async () => {
    await using server = await twistedServer(twisted, here);
    const connection = await connect(`tcp:127.0.0.1:${server.port}`, { liveness: patient });
    const root = await connection.getRootObject();
    expect(await root.callRemote("echo", "alive")).toBe("alive");
    server.freeze();
    const start = performance.now();
    await expect(root.callRemote("echo", "frozen")).rejects.toMatchObject({
      code: "CONNECTION_LOST",
      reason: "unresponsive",
      message: "The peer stopped answering: nothing came from it for 4000 ms after a ping",
    });
    const took = performance.now() - start;
    expect(took).toBeGreaterThan(3900);
    expect(took).toBeLessThan(inTime);
    expect((await connection.closed).reason).toBe("unresponsive");
  });

  test("is given up although we go on sending to it", async () => {
    await using server = await twistedServer(twisted, here);
    const connection = await connect(`tcp:127.0.0.1:${server.port}`, { liveness: patient });
    const root = await connection.getRootObject();
    await root.callRemote("echo", "alive");
    server.freeze();
    const start = performance.now();
    const chatter = setInterval(() => root.sendRemote("echo", "anybody?"), 20);
    connection.notifyOnDisconnect(() => clearInterval(chatter));
    expect((await connection.closed).reason).toBe("unresponsive");
    expect(performance.now() - start).toBeLessThan(inTime);
  });

  test("is given up as a client when it is frozen", async () => {
    await using server = await listen(here, new Counterpart(), { liveness: patient });
    await using client = new TwistedPeer(twisted, "client", `tcp:127.0.0.1:${server.port}`, "stay");
    expect(await client.line()).toBe("ok");
    const [connection] = [...server.connections];
    await sleep(500);
    expect(connection!.isOpen).toBe(true);
    client.freeze();
    expect((await connection!.closed).reason).toBe("unresponsive");
  });

  test("is not given up while it is busy for less than its time, or only now and then says something", async () => {
    await using server = await twistedServer(twisted, here);
    const liveness = { intervalMs: 50, answerMs: 12_000 };
    await using connection = await connect(`tcp:127.0.0.1:${server.port}`, { liveness });
    const root = await connection.getRootObject();
    await root.callRemote("busy", 1);
    server.freeze();
    await sleep(1000);
    server.thaw();
    expect(await root.callRemote("echo", "back")).toBe("back");
  });

  test("is not given up because we ourselves were busy", async () => {
    await using server = await twistedServer(twisted, here);
    const liveness = { intervalMs: 20, answerMs: 4000 };
    await using connection = await connect(`tcp:127.0.0.1:${server.port}`, { liveness });
    const root = await connection.getRootObject();
    for (let round = 0; round < 2; round++) {
      await sleep(30);
      const end = performance.now() + 7000;
      while (performance.now() < end);
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

describe("a link that is cut without a word", () => {
  test("is noticed at both ends, and frees what was held", async () => {
    await using server = await listen(here, new Echo(), { liveness: quick });
    await using network = await BadNetwork.before(server.port);
    const connection = await connect(`tcp:127.0.0.1:${network.port}`, { liveness: quick });
    await echo(connection, "alive");
    const [other] = [...server.connections];
    network.cut();
    const start = performance.now();
    const reasons = await Promise.all([connection.closed, other!.closed]);
    expect(reasons.map(({ reason }) => reason)).toEqual(["unresponsive", "unresponsive"]);
    expect(performance.now() - start).toBeLessThan(inTime);
    expect(server.connections.size).toBe(0);
  });

  test("is not noticed by who was told not to look", async () => {
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

describe("a slow link is not a dead one", () => {
  test("when an answer takes long to come", async () => {
    await using server = await listen(here, new Echo(), { liveness: quick });
    await using network = await BadNetwork.before(server.port);
    await using connection = await connect(`tcp:127.0.0.1:${network.port}`, { liveness: quick });
    Object.assign(network.weather, { bytesPerSecond: 400_000, pieceBytes: 8_000 });
    // Two and a half seconds each way: three times what a ping may take, and the pings stand in line behind it.
    const text = "x".repeat(500_000);
    const answers = await Promise.all([echo(connection, text), echo(connection, text)]);
    expect(answers).toEqual([text, text]);
  });

  test("when its round trip is long, and then it says how long", async () => {
    await using server = await listen(here, new Echo(), { liveness: quick });
    await using network = await BadNetwork.before(server.port);
    network.weather.delayMs = 60;
    await using connection = await connect(`tcp:127.0.0.1:${network.port}`, { liveness: quick });
    await until(() => connection.latency() !== undefined, "the latency is known");
    expect(connection.latency()).toBeGreaterThan(115);
    expect(connection.latency()).toBeLessThan(inTime);
    await sleep(1500);
    expect(await echo(connection, "alive")).toBe("alive");
  });
});

test("a peer is not given up because we do not read from it while its calls run", async () => {
  const root = new Echo();
  const broker = { limits: { callsRunning: 1 } };
  await using server = await listen(here, root, { broker, liveness: { intervalMs: 20, answerMs: 200 } });
  await using connection = await connect(`tcp:127.0.0.1:${server.port}`, { liveness: false });
  const reference = await connection.getRootObject<Echo>();
  const answer = reference.callRemote("wait", "long");
  answer.catch(() => undefined);
  await until(() => root.waiting.length === 1, "the call runs");
  await Promise.race([sleep(1500), connection.closed]);
  expect(connection.isOpen).toBe(true);
  root.letGo();
  expect(await answer).toBe("long");
});

test("a peer that reads nothing while much waits is given up, too", async () => {
  const deaf = createServer((socket) => socket.pause().write(Buffer.from("02800282706204826e6f6e65", "hex")));
  deaf.listen(0, "127.0.0.1");
  await once(deaf, "listening");
  const { port } = deaf.address() as AddressInfo;
  const connection = await connect(`tcp:127.0.0.1:${port}`, { liveness: quick });
  const root = await connection.getRootObject();
  for (let count = 0; count < 60; count++) root.sendRemote("echo", "x".repeat(500_000));
  const { reason } = await connection.closed;
  expect(reason).toBe("unresponsive");
  deaf.close();
});

test("asks once at a time, with 20 bytes, and fills the time with six", async () => {
  const sent: string[] = [];
  const silent = createServer((socket) => {
    socket.write(Buffer.from("02800282706204826e6f6e65", "hex")); // (pb none)
    socket.on("data", (bytes: Buffer) => sent.push(bytes.toString("hex")));
  });
  silent.listen(0, "127.0.0.1");
  await once(silent, "listening");
  const { port } = silent.address() as AddressInfo;
  const connection = await connect(`tcp:127.0.0.1:${port}`, { liveness: { intervalMs: 50, answerMs: 100_000 } });
  const version = "028013870681";
  await until(() => sent.join("").split(version).length > 5, "some keepalives");
  const all = sent.join("");
  expect(all.startsWith(`02827062${version}`)).toBe(true);
  const rest = all.slice(`02827062${version}`.length);
  const ping = "07801a8701810082008201810180" + "0b8701800587"; // (message 1 '' '' 1 (tuple) (dictionary))
  expect(rest.startsWith(ping)).toBe(true);
  expect(rest.slice(ping.length).replaceAll(version, "")).toBe("");
  connection.terminate("closed");
  silent.close();
});

test("stops looking when the connection is over, and keeps no process alive", async () => {
  const { linkPair } = await import("@pb/broker/testing");
  const { watchOver } = await import("@pb/node-transport");
  const { listener, initiator } = linkPair();
  const [server, client] = [new Broker(listener), new Broker(initiator)];
  const set = vi.spyOn(globalThis, "setInterval");
  const cleared = vi.spyOn(globalThis, "clearInterval");
  const pulse = { lastReceived: 0, lastLeft: 0, sentBytes: 0, leftBytes: 0 };
  watchOver(client, pulse, { intervalMs: 10, answerMs: 10_000 });
  await client.ready;
  await until(() => client.latency() !== undefined, "a ping was answered");
  await client.close();
  await server.closed;
  const timers = set.mock.results.map(({ value }) => value as NodeJS.Timeout);
  expect(timers.every((timer) => !timer.hasRef())).toBe(true);
  expect(timers.every((timer) => cleared.mock.calls.some(([argument]) => argument === timer))).toBe(true);
  vi.restoreAllMocks();
});

test("never asks where the interval is for ever", async () => {
  await using server = await listen(here, new Echo());
  const liveness = { intervalMs: Infinity, answerMs: Infinity };
  await using connection = await connect(`tcp:127.0.0.1:${server.port}`, { liveness });
  await sleep(100);
  expect(connection.latency()).toBeUndefined();
});

test("is on by default, at a pace that NATs bear", async () => {
  const { defaultLiveness } = await import("@pb/node-transport");
  expect(defaultLiveness).toEqual({ intervalMs: 25_000, answerMs: 30_000 });
});
