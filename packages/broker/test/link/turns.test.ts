// Other connections, timers and sockets get their turn while one connection is busy.

import { Root } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { brokerAndPeer } from "../support/raw-peer.js";

class Busy extends Root {
  running = 0;

  /** Keeps the processor for a millisecond. */
  remote_work(): void {
    const end = performance.now() + 1;
    while (performance.now() < end);
    this.running++;
  }
}

test("a burst of calls that take long leaves turns to others", async () => {
  const root = new Busy();
  const pair = await connectedPair({ root, limits: { turnMs: 10 } });
  const busy = await pair.client.getRootObject<Busy>();
  const calls = Array.from({ length: 300 }, () => busy.callRemote("work"));
  /** The calls that ran in each turn of the event loop. */
  const turns: number[] = [];
  let before = 0;
  while (root.running < 300) {
    await new Promise((resolve) => setImmediate(resolve));
    turns.push(root.running - before);
    before = root.running;
  }
  await Promise.all(calls);
  expect(Math.max(...turns)).toBeLessThan(25);
  expect(turns.length).toBeGreaterThan(12);
  await pair.close();
});

test("a connection whose turn is over does not read its link before the next turn", async () => {
  const root = new Busy();
  const pair = await connectedPair({ root, limits: { messagesPerTurn: 5 } });
  const busy = await pair.client.getRootObject<Busy>();
  const pause = vi.spyOn(pair.links.listener, "pause");
  const resume = vi.spyOn(pair.links.listener, "resume");
  for (let round = 1; round <= 3; round++) {
    const before = root.running;
    const calls = Array.from({ length: 17 }, () => busy.callRemote("work"));
    await vi.waitFor(() => expect(pause.mock.calls.length).toBeGreaterThan(resume.mock.calls.length), { interval: 0 });
    expect(root.running).toBeLessThan(before + 17);
    await Promise.all(calls);
    expect(root.running).toBe(before + 17);
    await pair.settled();
    expect(resume).toHaveBeenCalledTimes(pause.mock.calls.length);
  }
  await pair.close();
});

describe("by a clock that only calls advance", () => {
  let clock = 0;

  class Worker extends Root {
    running = 0;

    remote_work(): void {
      clock += 1;
      this.running++;
    }
  }

  beforeEach(() => {
    clock = 0;
    vi.spyOn(performance, "now").mockImplementation(() => clock);
  });
  afterEach(() => vi.restoreAllMocks());

  test("chunks that arrive in one turn of the event loop share the time of one turn", async () => {
    const root = new Worker();
    const { peer, broker } = await brokerAndPeer("listener", { root, limits: { turnMs: 10 } });
    const call = "(message 1 root work 0 (tuple) (dictionary))";
    const sent = [];
    for (let chunk = 0; chunk < 32; chunk++) {
      sent.push(peer.send(call, call));
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    }
    expect(root.running).toBeGreaterThan(8);
    expect(root.running).toBeLessThan(14);
    await Promise.all(sent);
    await vi.waitFor(() => expect(root.running).toBe(64), { interval: 0 });
    await broker.close();
  });

  test("a chunk that arrives later begins a turn", async () => {
    const root = new Worker();
    const { peer, broker } = await brokerAndPeer("listener", { root, limits: { turnMs: 10 } });
    const call = "(message 1 root work 0 (tuple) (dictionary))";
    for (let chunk = 1; chunk <= 10; chunk++) {
      void peer.send(call, call, call, call, call, call);
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
      expect(root.running).toBe(chunk * 6);
      clock += 5;
    }
    await broker.close();
  });

  test("connections that have much to read take their turns one after the other", async () => {
    const roots = Array.from({ length: 5 }, () => new Worker());
    const pairs = await Promise.all(roots.map((root) => connectedPair({ root, limits: { turnMs: 5 } })));
    const targets = await Promise.all(pairs.map(({ client }) => client.getRootObject<Worker>()));
    const calls = targets.flatMap((target) => Array.from({ length: 50 }, () => target.callRemote("work")));
    await new Promise((resolve) => setImmediate(resolve)); // Each has its first turn at once.
    const turns: number[] = [];
    for (let before = clock; roots.some(({ running }) => running < 50); before = clock) {
      await new Promise((resolve) => setImmediate(resolve));
      turns.push(clock - before);
      const counts = roots.map(({ running }) => running);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThan(15); // None waits for another one to finish.
    }
    await Promise.all(calls);
    expect(Math.max(...turns)).toBeLessThan(20);
    for (const pair of pairs) await pair.close();
  });
});
