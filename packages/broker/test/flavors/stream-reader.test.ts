// The reader of a stream: the items that it asks for in advance, and the calls that it cancels.

import { getEventListeners } from "node:events";
import { expect, onTestFinished, test, vi } from "vitest";
import { StreamReader } from "../../src/flavors/stream-reader.js";
import { shareOf } from "../../src/flavors/stream-share.js";

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

/** A source of batches of 128 KiB that shares a connection with others, and its reader, which is fast. */
class Shared extends Source {
  readonly reader = new StreamReader(this, {});
  readonly share;
  answered = 0;

  constructor(connection: object) {
    super();
    this.share = shareOf(connection);
  }

  get onTheWay(): number {
    return this.calls.length - this.answered;
  }

  /** Reads an item, which the source then sends. */
  async read(): Promise<void> {
    const item = this.reader.next();
    this.calls[this.answered++]!.answer([batch]);
    await item;
    await settled();
  }
}

const batch = new Uint8Array(128 * 1024);

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
  // A fast reader, and then one that leaves the received items unread.
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
  // What is read makes room again.
  while (reader.waitingBytes > 0) await reader.next();
  expect(source.calls.length).toBeGreaterThan(answered);
  expect(source.calls.at(-1)!.count).toBeLessThan(count);
  await reader.return();
});

async function readAll(sources: readonly Shared[], times: number): Promise<void> {
  for (let time = 0; time < times; time++) for (const source of sources) await source.read();
}

test("the streams of a connection have two megabytes on the way in all, and at least a batch each", async () => {
  const connection = {};
  const sources = Array.from({ length: 32 }, () => new Shared(connection));
  const calls = async (count: number): Promise<Set<number>> => {
    await readAll(sources.slice(0, count), 20);
    return new Set(sources.slice(0, count).map(({ onTheWay }) => onTheWay));
  };
  expect(await calls(1)).toEqual(new Set([16]));
  expect(await calls(4)).toEqual(new Set([4]));
  expect(await calls(10)).toEqual(new Set([2]));
  expect(await calls(32)).toEqual(new Set([1]));
  // Streams of another connection have their own.
  const other = new Shared({});
  await readAll([other], 20);
  expect(other.onTheWay).toBe(16);
});

test("streams that have ended, and those that have brought nothing for 64 batches, need no share", async () => {
  const connection = {};
  const [first, second, third] = [new Shared(connection), new Shared(connection), new Shared(connection)];
  await readAll([first, second, third], 20);
  expect(first.onTheWay).toBe(6);
  await third.reader.return();
  await readAll([first, second], 20);
  expect(first.onTheWay).toBe(8);
  await readAll([first], 62);
  expect(first.onTheWay).toBe(8);
  await readAll([first], 10);
  expect(first.onTheWay).toBe(16);
});

test("a stream of small batches takes no share of others", async () => {
  const connection = {};
  const [large, small] = [new Shared(connection), new Shared(connection)];
  await readAll([large], 20);
  const item = small.reader.next();
  small.calls[small.answered++]!.answer(["event"]);
  await item;
  await readAll([large], 1);
  expect(large.onTheWay).toBe(16);
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
