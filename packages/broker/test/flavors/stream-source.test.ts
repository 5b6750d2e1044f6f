// The source of a stream: its counts, and its end.

import { callContext, PBError, Root } from "@pb/broker";
import type { CallContext, Reference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { describe, expect, onTestFinished, test, vi } from "vitest";

/** Calls `next` of a stream by hand. */
type Source = Reference<{ remote_next(count?: number): unknown[] }>;

/** A stream whose items the test gives: each call of `next` of the iterator waits for one. */
class Hand {
  readonly #takers: ((result: IteratorResult<unknown>) => void)[] = [];
  closed = 0;

  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    return {
      next: () => new Promise((resolve) => this.#takers.push(resolve)),
      return: () => {
        this.closed++;
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  get isAsked(): boolean {
    return this.#takers.length > 0;
  }

  give(result: IteratorResult<unknown>): void {
    this.#takers.shift()!(result);
  }
}

async function open(stream: () => AsyncIterable<unknown>) {
  class Library extends Root {
    remote_read(): AsyncIterable<unknown> {
      return stream();
    }
  }
  const pair = await connectedPair({ root: new Library() });
  onTestFinished(() => pair.close());
  const root = await pair.client.getRootObject();
  const read = async (): Promise<Source> => {
    const source: unknown = await root.callRemote("read");
    return source as Source;
  };
  return { pair, source: await read(), read };
}

const outcome = (call: Promise<unknown>): Promise<unknown> =>
  call.catch((error: unknown) => (String(error).includes("cannot be sent") ? "cannot be sent" : error));

test("batches that were made before an item could not be sent fail with it, and no later ones", async () => {
  async function* values(): AsyncGenerator {
    yield new Uint8Array(128 * 1024);
    yield* [1, 2, 3, () => undefined, 5, 6];
  }
  const { pair, source } = await open(values);
  // The source answers nothing until its link has sent the large item: all other batches are made at once then.
  pair.links.initiator.hold();
  const answers = [1, 2, 2, 2].map((count) => outcome(source.call.next(count)));
  await pair.settled();
  pair.links.initiator.release();
  expect(await Promise.all(answers)).toEqual([[expect.any(Uint8Array)], [1, 2], [3], "cannot be sent"]);
  expect(await source.call.next(2)).toEqual([]);
  expect(await source.call.next(2)).toEqual([]);
});

test("calls that wait while an item turns out not to be sendable fail once, and end then", async () => {
  async function* values(): AsyncGenerator {
    yield* [1, 2, 3, () => undefined, 5, 6];
  }
  const { source } = await open(values);
  const answers = [2, 2, 2, 2].map((count) => outcome(source.call.next(count)));
  expect(await Promise.all(answers)).toEqual([[1, 2], [3], "cannot be sent", []]);
});

test("the error of an item that cannot be sent is told once if no batch was made after it", async () => {
  async function* values(): AsyncGenerator {
    yield* [1, () => undefined, 3];
  }
  const { source } = await open(values);
  expect(await source.call.next(2)).toEqual([1]);
  expect(await outcome(source.call.next())).toBe("cannot be sent");
  expect(await source.call.next()).toEqual([]);
});

test("a source that was released while a call waits is closed when that call is canceled", async () => {
  const hand = new Hand();
  const { pair, source } = await open(() => hand);
  const controller = new AbortController();
  const waiting = outcome(source.with({ signal: controller.signal }).call.next());
  await pair.settled();
  source[Symbol.dispose]();
  await pair.settled();
  expect(hand.closed).toBe(0);
  controller.abort("enough");
  expect(await waiting).toBe("enough");
  await pair.settled();
  expect(hand.closed).toBe(1);
});

describe("a stream that yields an item after it was left", () => {
  test("delivers no more, and is asked for no more", async () => {
    const hand = new Hand();
    const { pair, source } = await open(() => hand);
    const controller = new AbortController();
    const waiting = outcome(source.with({ signal: controller.signal }).call.next());
    await pair.settled();
    controller.abort("enough");
    expect(await waiting).toBe("enough");
    source[Symbol.dispose]();
    await pair.settled();
    expect(hand.closed).toBe(1);
    hand.give({ done: false, value: "late" });
    await pair.settled();
    expect(hand.isAsked).toBe(false);
    expect(pair.server.stats()).toMatchObject({ callsRunning: 0 });
  });

  test("delivers none after an item that could not be sent", async () => {
    const hand = new Hand();
    const { pair, source } = await open(() => hand);
    const first = outcome(source.call.next(2));
    const second = source.call.next(2);
    await pair.settled();
    hand.give({ done: false, value: () => undefined });
    expect(await first).toBe("cannot be sent");
    expect(await second).toEqual([]);
    expect(hand.isAsked).toBe(true); // It was taking the next item.
    hand.give({ done: false, value: "late" });
    await pair.settled();
    expect(await source.call.next(2)).toEqual([]);
    expect(hand.isAsked).toBe(false);
  });
});

test("a source waits for its link once for so many bytes, and not for each answer after them", async () => {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield* [new Uint8Array(128 * 1024), new Uint8Array(128 * 1024)];
    for (;;) yield new Uint8Array(1);
  }
  const { pair, source } = await open(chunks);
  const drained = vi.spyOn(pair.server, "drained");
  await source.call.next();
  await pair.settled();
  expect(drained).toHaveBeenCalledTimes(0);
  await source.call.next();
  await pair.settled();
  expect(drained).toHaveBeenCalledTimes(1);
  for (let call = 0; call < 5; call++) await source.call.next();
  await pair.settled();
  expect(drained).toHaveBeenCalledTimes(1);
  source[Symbol.dispose]();
});

describe("ten sources of which much is asked", () => {
  const BATCH = 128 * 1024;

  /** The reader has asked each source for eight batches, and has received nothing yet. */
  async function askTen() {
    async function* chunks(): AsyncGenerator<Uint8Array> {
      for (;;) yield new Uint8Array(BATCH);
    }
    const { pair, read } = await open(chunks);
    const sources = await Promise.all(Array.from({ length: 10 }, read));
    pair.links.initiator.hold();
    /** The sources of the batches that have arrived, in order. */
    const arrived: number[] = [];
    for (const [index, source] of sources.entries()) {
      for (let call = 0; call < 8; call++) source.call.next(1).then(() => arrived.push(index), vi.fn());
    }
    await pair.settled();
    return { pair, sources, arrived };
  }

  test("write two batches in all before the answer of another call", async () => {
    const { pair } = await askTen();
    expect(pair.server.stats().bytesQueued).toBeGreaterThan(BATCH);
    expect(pair.server.stats().bytesQueued).toBeLessThan(2 * BATCH + 4096);
    const { traffic } = pair.links.listener;
    const before = traffic.length;
    const answered = pair.client.getRootObject().then((root) => root.callRemote("missing"));
    const outcomes = answered.catch(() => "answered");
    await pair.settled();
    const sent = traffic.slice(before).filter(({ from }) => from === pair.links.listener);
    expect(sent.length).toBeGreaterThan(0);
    expect(sent.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBeLessThan(4096);
    pair.links.initiator.release();
    expect(await outcomes).toBe("answered");
  });

  test("answer in turns", async () => {
    const { pair, arrived } = await askTen();
    pair.links.initiator.release();
    await vi.waitFor(() => expect(arrived.length).toBe(80));
    // Of any 40 batches in a row, each source has sent some.
    for (let start = 0; start <= 40; start += 10) expect(new Set(arrived.slice(start, start + 40)).size).toBe(10);
  });

  test("leave the others their turn when one is released while it waits", async () => {
    const { pair, sources, arrived } = await askTen();
    for (const source of sources.slice(0, 9)) source[Symbol.dispose]();
    pair.links.initiator.release();
    await vi.waitFor(() => expect(arrived.filter((index) => index === 9).length).toBe(8));
  });
});

describe("the signal of a stream", () => {
  /** The context of the generator, and how the stream goes on. */
  async function opened() {
    let context!: CallContext;
    async function* values(): AsyncGenerator {
      context = callContext();
      yield 1;
    }
    const { pair, source } = await open(values);
    expect(await source.call.next(2)).toEqual([1]);
    return { pair, source, context };
  }

  test("does not abort when a stream that has ended is released", async () => {
    const { pair, source, context } = await opened();
    expect(await source.call.next()).toEqual([]);
    source[Symbol.dispose]();
    await pair.settled();
    expect(context.signal.aborted).toBe(false);
  });

  test("does not abort when the connection ends after the stream", async () => {
    const { pair, source, context } = await opened();
    expect(await source.call.next()).toEqual([]);
    await pair.close();
    expect(context.signal.aborted).toBe(false);
  });
});

test("the signal of a stream aborts when it is left at its first item", async () => {
  let context!: CallContext;
  const { pair, source } = await open(() => ({
    [Symbol.asyncIterator]: () => ({
      next: () => {
        context = callContext();
        return Promise.resolve({ done: false, value: 1 });
      },
    }),
  }));
  expect(await source.call.next()).toEqual([1]);
  source[Symbol.dispose]();
  await pair.settled();
  expect(context.signal.reason).toEqual(new PBError("The stream is not read anymore"));
});

test("a stream that is sent twice is closed unread when the last of its sources is released", async () => {
  let closed = 0;
  const stream = new ReadableStream({
    cancel: () => {
      closed++;
    },
  });
  const { pair, source, read } = await open(() => stream);
  const again = await read();
  source[Symbol.dispose]();
  await pair.settled();
  expect(closed).toBe(0);
  again[Symbol.dispose]();
  await pair.settled();
  expect(closed).toBe(1);
});

test("a result that nobody receives does not close the stream while another source of it is open", async () => {
  const shared = (async function* (): AsyncGenerator {
    yield* [1, 2, 3];
  })();
  const { pair, source } = await open(() => shared);
  const root = await pair.client.getRootObject();
  root.sendRemote("read");
  await pair.settled();
  expect(await source.call.next(2)).toEqual([1, 2]);
});
