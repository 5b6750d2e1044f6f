// Other connections, timers and sockets get their turn while one connection is busy.

import { Root } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { expect, test, vi } from "vitest";

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
