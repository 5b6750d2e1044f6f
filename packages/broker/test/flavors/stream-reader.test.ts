// The reader of a stream: the items that it asks for in advance, and the calls that it cancels.

import { getEventListeners } from "node:events";
import { expect, onTestFinished, test, vi } from "vitest";
import { StreamReader } from "../../src/flavors/stream-reader.js";

/** A source that the test answers. */
class Source {
  readonly calls: {
    readonly count: number;
    readonly signal: AbortSignal;
    readonly answer: (items: unknown[]) => void;
  }[] = [];
  released = 0;

  next(count: number, signal: AbortSignal): Promise<unknown> {
    return new Promise((answer) => this.calls.push({ count, signal, answer }));
  }

  /** Answers a call with as many items as it asks for. */
  answer(index: number, item: unknown): void {
    const { count, answer } = this.calls[index]!;
    answer(Array.from({ length: count }, () => item));
  }

  release(): void {
    this.released++;
  }
}

/** Until all promises that can settle have settled. */
const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

test("leaving cancels the calls on the way, and none that was answered", async () => {
  const source = new Source();
  const reader = new StreamReader(source, {});
  let answered = 0;
  for (let read = 0; read < 100; read++) {
    const item = reader.next();
    for (; answered < source.calls.length; answered++) source.answer(answered, "item");
    await item;
    await settled();
  }
  for (; answered < source.calls.length; answered++) source.answer(answered, "item");
  await settled();
  while (source.calls.length === answered) await reader.next();
  await reader.return();
  const aborted = source.calls.map(({ signal }) => signal.aborted);
  expect(aborted.slice(0, answered)).toEqual(Array.from({ length: answered }, () => false));
  expect(aborted.slice(answered)).not.toContain(false);
  expect(source.released).toBe(1);
});

test("large items are asked for while those that wait and are expected take less than two megabytes", async () => {
  const source = new Source();
  const reader = new StreamReader(source, {});
  const megabyte = new Uint8Array(1024 * 1024);
  let answered = 0;
  let most = 0;
  // Each item is awaited, as by a fast reader: the number of calls on the way grows as long as they are small.
  for (let read = 0; read < 30; read++) {
    const item = reader.next();
    if (reader.waitingBytes === 0 && answered < source.calls.length) source.calls[answered++]!.answer([megabyte]);
    await item;
    await settled();
    if (read > 0) most = Math.max(most, source.calls.length - answered);
  }
  expect(most).toBe(2);
  await reader.return();
});

test("small items are asked for while at most 4,096 wait and are expected", async () => {
  const source = new Source();
  const reader = new StreamReader(source, {});
  let answered = 0;
  let most = 0;
  for (let read = 0; read < 20_000; read++) {
    const isAwaited = reader.waitingBytes === 0;
    const item = reader.next();
    if (isAwaited && answered < source.calls.length) source.answer(answered++, "item");
    await item;
    await settled();
    const asked = source.calls.slice(answered).reduce((sum, { count }) => sum + count, 0);
    most = Math.max(most, asked);
  }
  expect(most).toBe(4096);
  await reader.return();
});

test("fewer items are asked for when many wait, and none while two megabytes do", async () => {
  const source = new Source();
  const reader = new StreamReader(source, {});
  const item = new Uint8Array(64 * 1024);
  let answered = 0;
  // A fast reader, and then one that does not read what was sent.
  for (let read = 0; read < 200; read++) {
    const next = reader.next();
    if (answered < source.calls.length) source.calls[answered++]!.answer([item]);
    await next;
    await settled();
  }
  const before = source.calls.length;
  const { count } = source.calls.at(-1)!;
  for (let index = answered; index < source.calls.length; index++) source.calls[index]!.answer([item, item]);
  await settled();
  for (answered = before; answered < source.calls.length; answered++) {
    source.calls[answered]!.answer([item, item]);
    await settled();
  }
  expect(source.calls.length - before).toBeLessThan(32);
  expect(reader.waitingBytes).toBeGreaterThan(1024 * 1024);
  expect(source.calls.at(-1)!.count).toBeLessThan(count);
  // What is read makes room again.
  while (reader.waitingBytes > 0) await reader.next();
  expect(source.calls.length).toBeGreaterThan(answered);
  await reader.return();
});

test("each item has the whole time, and the end leaves no timer and no listener", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const source = new Source();
  const { signal } = new AbortController();
  const reader = new StreamReader(source, { timeoutMs: 20, signal });
  const readAfter = async (ms: number, items: unknown[]): Promise<unknown> => {
    const item = reader.next();
    await vi.advanceTimersByTimeAsync(ms);
    source.calls.at(-1)!.answer(items);
    return item;
  };
  for (const value of ["one", "two"]) {
    expect(await readAfter(15, [value])).toEqual({ done: false, value });
    await settled();
    expect(vi.getTimerCount()).toBe(0);
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
  }
  expect(await readAfter(15, [])).toEqual({ done: true, value: undefined });
  expect(vi.getTimerCount()).toBe(0);
  expect(getEventListeners(signal, "abort")).toEqual([]);
});
