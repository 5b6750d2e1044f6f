// The state of a connection: idle, pings, and a connection that is not ready.

import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { ConnectionLostError, Root } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { garbageCollector } from "../../../tools/gc/garbage-collector.js";
import { brokerAndPeer, brokerAndUnnegotiatedPeer, rejection } from "./support/raw-peer.js";
import { open } from "./support/desk.js";

beforeAll(() => void garbageCollector());

test("idle resolves when all calls in both directions have finished", async () => {
  const { desk, root, pair } = await open();
  await pair.client.idle();
  const calls = [desk.callRemote("later"), desk.callRemote("later")];
  await pair.settled();
  const done: string[] = [];
  const idle = [pair.client.idle().then(() => done.push("client")), pair.server.idle().then(() => done.push("server"))];
  root.waiting[0]!(1);
  await pair.settled();
  expect(done).toEqual([]);
  root.waiting[1]!(2);
  await Promise.all([...calls, ...idle]);
  expect(done.sort()).toEqual(["client", "server"]);
});

test("idle ignores pings, and waits for other calls", async () => {
  const { desk, root, pair } = await open();
  pair.links.listener.hold();
  const first = pair.client.ping();
  await pair.client.idle();

  const call = desk.callRemote("later");
  let isIdle = false;
  const idle = pair.client.idle().then(() => (isIdle = true));
  pair.links.listener.release();
  await Promise.all([first, pair.client.ping()]); // their answers do not count for the call
  await pair.settled();
  expect(isIdle).toBe(false);
  root.waiting[0]!(1);
  await Promise.all([call, idle]);
});

test("idle resolves when the connection ends", async () => {
  const { desk, pair } = await open();
  const call = rejection(desk.callRemote("later"));
  await pair.settled();
  const idle = Promise.all([pair.client.idle(), pair.server.idle()]);
  await pair.close();
  await idle;
  await call;
});

describe("idle, asked again and again, keeps no memory", () => {
  const ROUNDS = 20_000;

  /** The bytes per round that are in use after all rounds. */
  async function growth(round: () => unknown): Promise<number> {
    const used = async (): Promise<number> => {
      garbageCollector()();
      await new Promise((resolve) => setTimeout(resolve, 10)); // Deno frees async resources in a later turn.
      garbageCollector()();
      return process.memoryUsage().heapUsed;
    };
    for (let count = 0; count < 1000; count++) await round();
    const before = await used();
    for (let count = 0; count < ROUNDS; count++) await round();
    return ((await used()) - before) / ROUNDS;
  }

  test("while a call is in flight", async () => {
    const { desk, root, pair } = await open();
    const call = desk.callRemote("later");
    await pair.settled();
    expect(await growth(() => void pair.client.idle())).toBeLessThan(40);
    root.waiting[0]!(1);
    await call;
  });

  test("after each call", async () => {
    class Silent extends Root {
      remote_nothing(): void {}
    }
    await using pair = await connectedPair({ root: new Silent() }, {}, { isRecorded: false });
    const silent = await pair.client.getRootObject();
    const round = (): Promise<unknown> => Promise.all([silent.callRemote("nothing"), pair.client.idle()]);
    expect(await growth(round)).toBeLessThan(40);
  });
});

describe("ping and keepAlive", () => {
  test("a ping is answered and measured, without an event", async () => {
    const { pair, events } = await open();
    expect(pair.client.latency()).toBeUndefined();
    for (const end of [pair.client, pair.server]) {
      expect(await end.ping()).toBeGreaterThanOrEqual(0);
      expect(end.latency()).toBeGreaterThanOrEqual(0);
    }
    expect(events).toEqual([]);
    await pair.expectNothingLeft();
  });

  test("a ping rejects when the connection ends", async () => {
    const { pair } = await open();
    pair.links.listener.hold();
    const ping = rejection(pair.client.ping());
    pair.links.listener.cut();
    expect(await ping).toBeInstanceOf(ConnectionLostError);
    await expect(pair.client.ping()).rejects.toBeInstanceOf(ConnectionLostError);
  });

  test("keepAlive sends six bytes, which are not answered", async () => {
    const { pair } = await open();
    const before = pair.transcript().length;
    pair.client.keepAlive();
    pair.server.keepAlive();
    await pair.settled();
    expect(pair.transcript(before).sort()).toEqual(["client: (version 6)", "server: (version 6)"]);
    expect(pair.links.listener.traffic.at(-1)?.bytes).toHaveLength(6);
    await pair.close();
    pair.client.keepAlive();
  });
});

test("statistics and drained before the connection is ready", async () => {
  const { broker } = brokerAndUnnegotiatedPeer("initiator");
  onTestFinished(() => broker.close());
  expect(broker.referencesTo(broker)).toBe(0);
  await expect(broker.drained()).rejects.toThrow(TypeError);
  expect(broker.stats()).toMatchObject({ callsWaiting: 0 });
  const { broker: ready } = await brokerAndPeer("initiator");
  expect(ready.dialect?.name).toBe("pb");
});
