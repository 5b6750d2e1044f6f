// Streams over a connection, to a local object, and to a local object with copies.

import {
  asLocal,
  callContext,
  CallTimeoutError,
  ConnectionLostError,
  DeadReferenceError,
  kwargs,
  PBError,
  Referenceable,
  RemoteError,
  Root,
} from "@pb/broker";
import type { BrokerEvent, Reference, RemoteStream } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { StreamReader } from "../../src/flavors/stream-reader.js";
import { brokerAndPeer, settled } from "../support/raw-peer.js";

class OutOfPaper extends PBError {
  static override readonly remoteType: string = "press.OutOfPaper";
}

class Page extends Referenceable {
  remote_text(): string {
    return "text";
  }
}

/** Counts what it produces. */
class Press extends Root {
  produced = 0;
  opened = 0;
  closed = 0;
  canceled: unknown;
  received: unknown[] = [];
  kept: unknown;
  readonly again = { [Symbol.asyncIterator]: (): AsyncIterator<number> => this.numbers(3) };

  async *numbers(count: number): AsyncGenerator<number> {
    this.opened++;
    try {
      for (let number = 0; number < count; number++) {
        this.produced++;
        yield number;
      }
    } finally {
      this.closed++;
    }
  }

  remote_numbers(count: number): AsyncIterable<number> {
    return this.numbers(count);
  }

  async *remote_values(values: unknown[]): AsyncGenerator {
    try {
      for (const value of values) yield value === "a function" ? () => undefined : value;
    } finally {
      this.closed++;
    }
  }

  openGate!: () => void;
  readonly #gate = new Promise<void>((resolve) => (this.openGate = resolve));

  /** Yields nothing before the gate is open. */
  async *remote_gated(): AsyncGenerator<number> {
    await this.#gate;
    yield* this.numbers(Infinity);
  }

  async *remote_failing(count: number): AsyncGenerator<number> {
    for (let number = 0; number < count; number++) yield number;
    throw new OutOfPaper("no paper");
  }

  /** Yields once, then waits until it is told to stop. */
  async *remote_waiting(): AsyncGenerator<string> {
    const { signal } = callContext();
    try {
      yield "first";
      await new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason as Error));
      });
    } finally {
      this.canceled = signal.reason;
      this.closed++;
    }
  }

  remote_readable(): ReadableStream<string> {
    let left = 3;
    return new ReadableStream({
      pull: (it) => (left-- > 0 ? it.enqueue(`chunk ${left}`) : it.close()),
      cancel: () => {
        this.closed++;
      },
    });
  }

  remote_again(): AsyncIterable<number> {
    return this.again;
  }

  remote_odd(kind: string): AsyncIterable<unknown> {
    const readable = new ReadableStream();
    if (kind === "locked") readable.getReader();
    const odd: Record<string, object> = {
      locked: readable,
      "cannot be opened": {
        [Symbol.asyncIterator]: () => {
          throw new OutOfPaper("not opened");
        },
      },
      "throws in next": {
        [Symbol.asyncIterator]: () => ({
          next: () => {
            throw new OutOfPaper("no next");
          },
        }),
      },
      "returns no result": { [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve(3) }) },
      "fails to close": {
        [Symbol.asyncIterator]: () => ({
          next: () => Promise.resolve({ done: false, value: 1 }),
          return: () => Promise.reject(new OutOfPaper("not closed")),
        }),
      },
    };
    return odd[kind] as AsyncIterable<unknown>;
  }

  async *remote_pages(): AsyncGenerator<Page> {
    yield new Page();
  }

  async remote_upload(items: RemoteStream, most = Infinity): Promise<number> {
    let count = 0;
    for await (const item of items) {
      this.received.push(item);
      if (++count >= most) break;
    }
    return count;
  }

  remote_badlyClosed(): unknown {
    const fail = (): never => {
      throw new Error("not closed");
    };
    return { [Symbol.asyncIterator]: fail, next: fail, return: fail };
  }

  readonly archive = new Archive();

  remote_archive(): Archive {
    return this.archive;
  }

  remote_keep(stream: unknown): void {
    this.kept = stream;
  }

  remote_kept(): unknown {
    return this.kept;
  }
}

/** Is iterable, and closes what it has opened; but it is not sent as a stream. */
class Archive extends Referenceable {
  destroyed = 0;

  async *[Symbol.asyncIterator](): AsyncGenerator<number> {
    yield* [];
  }

  destroy(): void {
    this.destroyed++;
  }
}

function close(press: Press): void {
  press.closed++;
}

type Way = "over a connection" | "locally" | "locally with copies";

async function open(way: Way) {
  const press = new Press();
  const events: BrokerEvent[] = [];
  const onEvent = (event: BrokerEvent): unknown => events.push(event);
  const pair = await connectedPair({ root: press, onEvent }, { errorClasses: { "press.OutOfPaper": OutOfPaper } });
  onTestFinished(() => pair.close());
  const local = (): Reference => asLocal(press, way === "locally" ? { onEvent } : { onEvent, copy: {} });
  const root = way === "over a connection" ? await pair.client.getRootObject() : local();
  const stream = (name: string, ...args: unknown[]) => root.callRemote(name, ...args) as Promise<RemoteStream>;
  /** Every reference, call and timer was released. */
  const expectNothingLeft = async (): Promise<void> => {
    root[Symbol.dispose]();
    await pair.expectNothingLeft();
  };
  return { press, pair, root, stream, events, expectNothingLeft };
}

async function read(stream: AsyncIterable<unknown>): Promise<unknown[]> {
  const items: unknown[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

/** The items before the error, and the error. */
async function readToError(stream: AsyncIterable<unknown>): Promise<[unknown[], unknown]> {
  const items: unknown[] = [];
  try {
    for await (const item of stream) items.push(item);
  } catch (error) {
    return [items, error];
  }
  return [items, undefined];
}

const ways: Way[] = ["over a connection", "locally", "locally with copies"];

describe.each(ways)("a stream %s", (way) => {
  test("arrives in order, and is closed at its end", async () => {
    const { press, stream, expectNothingLeft } = await open(way);
    const items = await read(await stream("numbers", 5000));
    expect(items).toEqual(Array.from({ length: 5000 }, (_, index) => index));
    expect(press.closed).toBe(1);
    await expectNothingLeft();
  });

  test("may be empty", async () => {
    const { stream, expectNothingLeft } = await open(way);
    expect(await read(await stream("numbers", 0))).toEqual([]);
    await expectNothingLeft();
  });

  test("may be a ReadableStream, and can be read as one", async () => {
    const { press, stream, expectNothingLeft } = await open(way);
    expect(await read(await stream("readable"))).toEqual(["chunk 2", "chunk 1", "chunk 0"]);
    const again = await stream("readable");
    const { readable } = again;
    expect(again.readable).toBe(readable);
    const reader = (readable as ReadableStream<string>).getReader();
    expect(await reader.read()).toEqual({ done: false, value: "chunk 2" });
    await reader.cancel();
    await expectNothingLeft();
    expect(press.closed).toBeLessThanOrEqual(1); // It was at its end if it was read in advance.
  });

  test("can be passed to `pipeline` of Node, which looks at `readable` before it iterates", async () => {
    const { stream, expectNothingLeft } = await open(way);
    const written: unknown[] = [];
    const sink = new Writable({
      objectMode: true,
      write(item, _encoding, done) {
        written.push(item);
        done();
      },
    });
    await pipeline(await stream("numbers", 3), sink);
    expect(written).toEqual([0, 1, 2]);
    await expectNothingLeft();
  });

  test("is released by canceling its `readable` before a read", async () => {
    const { press, stream, expectNothingLeft } = await open(way);
    await ((await stream("numbers", 3)).readable as ReadableStream<number>).cancel();
    await expectNothingLeft();
    expect(press.closed).toBe(press.opened);
  });

  test("may contain objects and null", async () => {
    const { stream } = await open(way);
    const [page] = (await read(await stream("pages"))) as [Reference<Page>];
    expect(await page.call.text()).toBe("text");
    expect(await read(await stream("values", [null, undefined, [], {}]))).toEqual([null, null, [], {}]);
  });

  test("that is an argument is read by the method, and closed when it leaves", async () => {
    const { press, root, expectNothingLeft } = await open(way);
    const source = new Press();
    expect(await root.callRemote("upload", source.numbers(100))).toBe(100);
    expect(press.received).toEqual(Array.from({ length: 100 }, (_, index) => index));
    expect(await root.callRemote("upload", source.numbers(Infinity), 5)).toBe(5);
    await expect.poll(() => source.closed).toBe(2);
    await expectNothingLeft();
  });

  test("is not produced before it is read, nor far ahead of its reader", async () => {
    const { press, pair, stream } = await open(way);
    const numbers = await stream("numbers", Infinity);
    await pair.settled();
    expect(press.opened).toBe(0);
    const iterator = numbers[Symbol.asyncIterator]();
    for (let read = 0; read < 3; read++) {
      expect(await iterator.next()).toEqual({ done: false, value: read });
      await pair.settled();
      // Asked for and not read: two calls for 32 items.
      expect(press.produced).toBeLessThanOrEqual(16 + 2 * 32 + read);
    }
    await iterator.return?.();
    await expect.poll(() => press.closed).toBe(1);
  });

  test("is closed when its reader leaves at any point", async () => {
    const { press, stream, expectNothingLeft } = await open(way);
    for (const after of [0, 1, 2, 15, 16, 17, 100]) {
      const iterator = (await stream("numbers", Infinity))[Symbol.asyncIterator]();
      for (let index = 0; index < after; index++) await iterator.next();
      await iterator.return?.();
      expect(await iterator.next()).toEqual({ done: true, value: undefined });
    }
    // A generator that was not started has nothing to close.
    await expect.poll(() => press.closed).toBe(6);
    expect(press.opened).toBe(6);
    await expectNothingLeft();
  });

  test("ends for readers that wait when one of them leaves", async () => {
    const { press, stream, expectNothingLeft } = await open(way);
    const iterator = (await stream("waiting"))[Symbol.asyncIterator]();
    const reads = [iterator.next(), iterator.next(), iterator.next()];
    expect(await reads[0]).toEqual({ done: false, value: "first" });
    await iterator.return?.();
    expect(await Promise.all(reads.slice(1))).toEqual([{ done: true }, { done: true }]);
    await expect.poll(() => press.closed).toBe(1);
    expect(press.canceled).toEqual(new PBError("The stream is not read anymore"));
    await expectNothingLeft();
  });

  test.each(["of the call", "of the iteration"])("ends with the signal %s", async (whose) => {
    const { root, events, expectNothingLeft } = await open(way);
    const controller = new AbortController();
    const options = { signal: controller.signal };
    const caller = whose === "of the call" ? root.with(options) : root;
    const stream = (await caller.callRemote("waiting")) as RemoteStream;
    const reading = readToError(whose === "of the call" ? stream : stream.with(options));
    const reason = new Error("enough");
    setTimeout(() => controller.abort(reason), 5); // before the first item, or while the second is waited for
    const [items, error] = await reading;
    expect(error).toBe(reason);
    expect(items.length).toBeLessThanOrEqual(1);
    await expect.poll(() => stream.isAlive).toBe(false);
    await expectNothingLeft();
    expect(events.filter(({ kind }) => kind !== "closed")).toEqual([]);
  });

  test("ends when an item takes longer than timeoutMs", async () => {
    const { press, stream, expectNothingLeft } = await open(way);
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const iterator = (await stream("waiting")).with({ timeoutMs: 20 })[Symbol.asyncIterator]();
    expect(await iterator.next()).toEqual({ done: false, value: "first" });
    const second = expect(iterator.next()).rejects.toBeInstanceOf(CallTimeoutError);
    await vi.advanceTimersByTimeAsync(20);
    await second;
    vi.useRealTimers();
    await expect.poll(() => press.closed).toBe(1);
    await expectNothingLeft();
  });

  test("delivers what was produced before an error, and the class of the error", async () => {
    const { stream, expectNothingLeft } = await open(way);
    const [items, error] = await readToError(await stream("failing", 40));
    expect(items).toHaveLength(40);
    if (way === "over a connection") expect(error).toBeInstanceOf(OutOfPaper);
    else expect(error).toMatchObject({ remoteType: "press.OutOfPaper" });
    expect((error as Error).message).toBe("no paper");
    await expectNothingLeft();
  });

  test.each([0, 3, 40])("delivers %i items before one that cannot be sent, and is closed", async (before) => {
    const { press, stream, expectNothingLeft } = await open(way);
    const numbers = Array.from({ length: before }, (_, index) => index);
    const [items, error] = await readToError(await stream("values", [...numbers, "a function", ...numbers]));
    expect(items).toEqual(numbers);
    expect(error).toBeInstanceOf(RemoteError);
    expect(String(error)).toMatch(/a function cannot be sent/);
    await expect.poll(() => press.closed).toBe(1);
    await expectNothingLeft();
  });

  test.each([
    ["cannot be opened", /not opened/],
    ["throws in next", /no next/],
    ["returns no result", /./],
  ])("that is odd (%s) fails, and nothing else does", async (kind, message) => {
    const { stream, expectNothingLeft } = await open(way);
    const [items, error] = await readToError(await stream("odd", kind));
    expect(items).toEqual([]);
    expect(String(error)).toMatch(message);
    expect(error).toBeInstanceOf(Error);
    expect(await read(await stream("numbers", 2))).toEqual([0, 1]);
    await expectNothingLeft();
  });

  test("that is locked is refused at once, as a result and as an argument", async () => {
    const { stream, root, expectNothingLeft } = await open(way);
    await expect(stream("odd", "locked")).rejects.toThrow(/a locked ReadableStream cannot be sent/);
    const locked = new ReadableStream();
    locked.getReader();
    await expect(root.callRemote("upload", locked as never)).rejects.toThrow(
      expect.objectContaining({ code: "JELLY_NOT_JELLYABLE" }),
    );
    expect(await read(await stream("numbers", 2))).toEqual([0, 1]);
    await expectNothingLeft();
  });

  test("that fails to close is reported", async () => {
    const { stream, events } = await open(way);
    for await (const _item of await stream("odd", "fails to close")) break;
    await expect.poll(() => events.map(({ kind }) => kind)).toEqual(["callback-failed"]);
  });

  test("can be read once, but is another stream each time it is sent", async () => {
    const { stream, expectNothingLeft } = await open(way);
    const numbers = await stream("numbers", 3);
    const reading = read(numbers);
    expect(() => numbers[Symbol.asyncIterator]()).toThrow(TypeError);
    expect(await reading).toEqual([0, 1, 2]);
    await expect(read(numbers)).rejects.toThrow(TypeError);
    const both = await Promise.all([stream("again"), stream("again")]);
    expect(await Promise.all(both.map(read))).toEqual([
      [0, 1, 2],
      [0, 1, 2],
    ]);
    await expectNothingLeft();
  });

  test("that is sent back is the original stream", async () => {
    const { root } = await open(way);
    const numbers = new Press().numbers(3);
    await root.callRemote("keep", numbers);
    expect(await root.callRemote("kept")).toBe(numbers);
  });

  test("can be read by hand", async () => {
    const { press, stream } = await open(way);
    const numbers = await stream("numbers", 5);
    expect(await numbers.call.next()).toEqual([0]);
    expect(press.produced).toBe(1);
    expect(await numbers.call.next(3)).toEqual([1, 2, 3]);
    expect(press.produced).toBe(4);
    expect(await numbers.callRemote("next", kwargs({ count: 1000 }) as never)).toEqual([4]);
    expect(await numbers.call.next()).toEqual([]);
    expect(await numbers.call.next()).toEqual([]);
    numbers[Symbol.dispose]();
    expect(press.closed).toBe(1);
  });

  test.each([0, -1, 1.5, NaN, Infinity, "1", null, true, [1]])("refuses a count of %j", async (count) => {
    const { press, stream } = await open(way);
    const numbers = await stream("numbers", 3);
    await expect(numbers.callRemote("next", count as never)).rejects.toThrow(/an integer of at least 1/);
    expect(press.opened).toBe(0);
    expect(await numbers.call.next(3)).toEqual([0, 1, 2]);
  });

  test.each([2 ** 53, 2n ** 70n, 1e300])("takes a count of %s as 1,024", async (count) => {
    const { press, stream } = await open(way);
    const numbers = await stream("numbers", Infinity);
    expect(await numbers.callRemote("next", count as never)).toHaveLength(1024);
    expect(press.produced).toBe(1024);
    numbers[Symbol.dispose]();
  });

  test("refuses a flood of calls for items, and answers the others", async () => {
    const { press, stream } = await open(way);
    const waiting = await stream("waiting");
    expect(await waiting.call.next()).toEqual(["first"]);
    const errors: string[] = [];
    const callers = Array.from({ length: 80 }, () => new AbortController());
    for (const { signal } of callers)
      waiting
        .with({ signal })
        .call.next(1024)
        .catch((error: unknown) => errors.push(String(error)));
    await expect.poll(() => errors).toHaveLength(80 - 64);
    for (const error of errors) expect(error).toContain("More than 64 calls wait");
    for (const caller of callers) caller.abort();
    await expect.poll(() => errors).toHaveLength(80);
    waiting[Symbol.dispose]();
    await expect.poll(() => press.closed).toBe(1);
  });

  test("takes at most 1,024 items in advance, however many calls were canceled", async () => {
    const { press, stream, pair } = await open(way);
    const numbers = await stream("gated");
    const callers = Array.from({ length: 20 }, () => new AbortController());
    const calls = callers.map(({ signal }) => numbers.with({ signal }).call.next(1024));
    const settledCalls = Promise.allSettled(calls);
    await pair.settled();
    for (const caller of callers) caller.abort();
    await settledCalls;
    await pair.settled();
    press.openGate();
    expect(await numbers.call.next(3)).toEqual([0, 1, 2]);
    await pair.settled();
    expect(press.produced).toBeLessThanOrEqual(3 + 1024 + 1); // One was being taken when its call was canceled.
    numbers[Symbol.dispose]();
    await expect.poll(() => press.closed).toBe(1);
  });

  test("answers a call that waits although it is released, and is closed then", async () => {
    const { press, stream, expectNothingLeft } = await open(way);
    const numbers = await stream("numbers", Infinity);
    const answer = numbers.call.next(2);
    numbers[Symbol.dispose]();
    expect(await answer).toEqual([0, 1]);
    await expect.poll(() => press.closed).toBe(1);
    await expectNothingLeft();
  });

  test("gives no items to a call that wants no answer", async () => {
    const { press, stream, pair } = await open(way);
    const numbers = await stream("numbers", 3);
    numbers.sendRemote("next", 3);
    await pair.settled();
    expect(press.opened).toBe(0);
    expect(await numbers.call.next(3)).toEqual([0, 1, 2]);
  });

  test("that nobody receives is closed", async () => {
    const { press, root, expectNothingLeft } = await open(way);
    root.sendRemote("readable");
    await expect.poll(() => press.closed).toBe(1);
    const source = new Press();
    const stream = new ReadableStream({ cancel: () => close(source) });
    await expect(root.callRemote("upload", stream, () => undefined)).rejects.toThrow(/a function cannot be sent/);
    if (way !== "locally") await expect.poll(() => source.closed).toBe(1);
    await expectNothingLeft();
  });

  test("that nobody receives and that fails to close is reported", async () => {
    const { root, events, expectNothingLeft } = await open(way);
    root.sendRemote("badlyClosed");
    await expect.poll(() => events.map(({ kind }) => kind)).toEqual(["callback-failed"]);
    await expectNothingLeft();
  });

  test("is not what an iterable Referenceable is: it stays as it is when nobody receives it", async () => {
    const { press, root, expectNothingLeft } = await open(way);
    root.sendRemote("archive");
    const archive = await root.callRemote("archive"); // After the other call.
    expect(press.archive.destroyed).toBe(0);
    (archive as Reference)[Symbol.dispose]();
    await expectNothingLeft();
  });
});

describe("over a connection, a stream", () => {
  test("fails at its reader and ends at its source when the connection is lost", async () => {
    const { press, stream, pair } = await open("over a connection");
    const reading = readToError(await stream("waiting"));
    const unread = await stream("numbers", 3);
    await pair.settled();
    pair.links.initiator.close();
    const [items, error] = await reading;
    expect(items).toEqual(["first"]);
    expect(error).toBeInstanceOf(ConnectionLostError);
    expect(await readToError(unread)).toEqual([[], expect.any(ConnectionLostError)]);
    await expect.poll(() => press.closed).toBe(1);
  });

  test("fails with DeadReferenceError when the program has released it", async () => {
    const { stream } = await open("over a connection");
    const numbers = await stream("numbers", 3);
    numbers[Symbol.dispose]();
    expect(await readToError(numbers)).toEqual([[], expect.any(DeadReferenceError)]);
  });

  test("of bytes is held to a few megabytes on both sides", async () => {
    const press = new Press();
    const chunk = new Uint8Array(64 * 1024);
    const source = { [Symbol.asyncIterator]: () => chunks() };
    async function* chunks(): AsyncGenerator<Uint8Array> {
      for (;;) {
        press.produced++;
        yield chunk;
      }
    }
    class Library extends Root {
      remote_read(): AsyncIterable<Uint8Array> {
        return source;
      }
    }
    await using pair = await connectedPair({ root: new Library() });
    const root = await pair.client.getRootObject<Library>();
    const iterator = (await root.call.read())[Symbol.asyncIterator]() as unknown as StreamReader;
    // A fast reader gets all the credit there is.
    for (let read = 0; read < 500; read++) await iterator.next();
    await pair.settled();
    expect(iterator.waitingBytes).toBeGreaterThan(chunk.length);
    expect(iterator.waitingBytes).toBeLessThan(3 * 1024 * 1024);
    expect((press.produced - 500) * chunk.length).toBeLessThan(5 * 1024 * 1024);
    const { produced } = press;
    await pair.settled();
    expect(press.produced).toBe(produced);
    await iterator.return();
    await pair.settled();
    expect(press.produced).toBeLessThanOrEqual(produced + 1);
    root[Symbol.dispose]();
    await pair.expectNothingLeft();
  });

  test("answers more calls only when the link has sent the items before", async () => {
    class Library extends Root {
      async *remote_read(): AsyncGenerator<Uint8Array> {
        for (;;) yield new Uint8Array(64 * 1024);
      }
    }
    await using pair = await connectedPair({ root: new Library() });
    const root = await pair.client.getRootObject<Library>();
    const chunks = (await root.callRemote("read")) as unknown as Reference<{ remote_next(count: number): unknown[] }>;
    await chunks.callRemote("next", 1);
    pair.links.initiator.hold();
    const answers = Promise.all(Array.from({ length: 16 }, () => chunks.callRemote("next", 4)));
    answers.catch(() => undefined); // Only matters if the test fails before it waits for them.
    await pair.settled();
    expect(pair.server.stats().bytesQueued).toBeLessThan(400_000);
    pair.links.initiator.release();
    expect((await answers).flat().length).toBeGreaterThanOrEqual(16);
    chunks[Symbol.dispose]();
  });

  test.each([
    ["text", "(unicode x)"],
    ["more than was asked for", `(list ${"1 ".repeat(17)})`],
  ])("whose source answers with %s fails, and is released", async (_what, answer) => {
    const { broker, peer } = await brokerAndPeer("initiator");
    const call = (await broker.getRootObject()).callRemote("stream");
    await peer.send("(answer 1 (remote 7))");
    const reading = readToError((await call) as RemoteStream);
    await settled();
    expect(peer.received().at(-1)).toMatch(/^\(message 2 7 next 1 \(tuple 16\)/);
    await peer.send(`(answer 2 ${answer})`);
    const [items, error] = await reading;
    expect(items).toEqual([]);
    expect(String(error)).toMatch(/The source of a stream was asked for a list of at most 16 items/);
    await settled();
    expect(peer.received()).toEqual(["(decref 7)"]);
    expect(broker.isOpen).toBe(true);
  });

  test("cannot be sent to a third end, but what it yields can", async () => {
    const { stream } = await open("over a connection");
    const third = await open("over a connection");
    const numbers = await stream("numbers", 3);
    await expect(third.root.callRemote("upload", numbers)).rejects.toThrow(/only to the peer it came from/);
    const relay = async function* (): AsyncGenerator {
      yield* numbers;
    };
    expect(await third.root.callRemote("upload", relay())).toBe(3);
    expect(third.press.received).toEqual([0, 1, 2]);
    const more = (await stream("numbers", 4)).readable;
    expect(await third.root.callRemote("upload", more)).toBe(4);
  });

  test("is refused when too many are open, until one has ended", async () => {
    const press = new Press();
    await using pair = await connectedPair({ root: press, limits: { streams: 2 }, onEvent: () => undefined });
    const root = await pair.client.getRootObject<Press>();
    const [first, second] = [await root.call.numbers(1), await root.call.numbers(1)];
    await expect(root.call.numbers(1)).rejects.toThrow(/Too many streams are open: the limit is 2/);
    expect(await read(first)).toEqual([0]);
    const third = await root.call.numbers(2);
    expect(await read(second)).toEqual([0]);
    expect(await read(third)).toEqual([0, 1]);
    root[Symbol.dispose]();
    await pair.expectNothingLeft();
  });

  test("that the peer has no place for is closed, and not counted as open", async () => {
    const press = new Press();
    const limits = { streams: 1, references: 1 };
    await using pair = await connectedPair({ root: press, limits, onEvent: () => undefined });
    const root = await pair.client.getRootObject();
    const archive = (await root.callRemote("archive")) as Reference;
    await expect(root.callRemote("readable")).rejects.toThrow(/Maximum PB reference count exceeded/);
    expect(press.closed).toBe(1);
    archive[Symbol.dispose]();
    await pair.settled();
    expect(await read((await root.callRemote("numbers", 2)) as RemoteStream)).toEqual([0, 1]);
  });

  test("that waits does not keep its reader from leaving, nor its source from ending", async () => {
    const { press, stream, pair } = await open("over a connection");
    const reading = readToError(await stream("waiting"));
    await pair.settled();
    expect(await pair.server.goAway()).toBe(true);
    expect(await reading).toEqual([["first"], expect.any(ConnectionLostError)]);
    await pair.client.closed;
    await expect.poll(() => press.closed).toBe(1);
  });

  test("is released when its call is canceled before the answer", async () => {
    const { press, root, pair, expectNothingLeft } = await open("over a connection");
    const controller = new AbortController();
    const call = root.with({ signal: controller.signal }).callRemote("readable");
    controller.abort(new Error("enough"));
    await expect(call).rejects.toThrow("enough");
    await pair.settled();
    expect(press.closed).toBe(1);
    await expectNothingLeft();
  });

  test("in a result with promises is sent once", async () => {
    class Mixed extends Press {
      remote_mixed(): unknown {
        return { later: Promise.resolve(1), numbers: this.numbers(3) };
      }
    }
    await using pair = await connectedPair({ root: new Mixed() });
    const root = await pair.client.getRootObject();
    const { later, numbers } = (await root.callRemote("mixed")) as { later: number; numbers: RemoteStream };
    expect(later).toBe(1);
    expect(await read(numbers)).toEqual([0, 1, 2]);
    root[Symbol.dispose]();
    await pair.expectNothingLeft();
  });
});

test("an object that is iterated over by mistake is named as no stream, and can still be called", async () => {
  class Shelf extends Root {
    remote_text(): string {
      return "text";
    }
  }
  const { client } = await connectedPair({ root: new Shelf(), onEvent: () => undefined });
  const onEvent = (): void => undefined;
  for (const shelf of [await client.getRootObject<Shelf>(), asLocal(new Shelf(), { onEvent })]) {
    const reading = read(shelf as unknown as RemoteStream);
    await expect(reading).rejects.toThrow(new TypeError("The object is not a stream: it has no method next"));
    expect(await shelf.callRemote("text")).toBe("text");
  }
});
