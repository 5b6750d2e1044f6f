// Streams that arrive: asks the source for items, some of them in advance, and hands them out one by one.

import { refuseProxies } from "@pb/banana";
import { describe } from "@pb/jelly-types";
import { startDeadline } from "../deadline.js";
import type { Deadline, DeadlineOptions } from "../deadline.js";
import { callTimeout, PBError } from "../errors.js";
import { Fifo } from "../fifo.js";
import { RemoteError } from "../wire/failure.js";
import { BATCH_BYTES, MOST_ITEMS, sizeOfItem } from "./stream-items.js";
import { WINDOW_BYTES } from "./stream-share.js";
import type { StreamShare } from "./stream-share.js";

/** Items of the first call: enough for short streams, and few enough to learn how large they are. */
const FIRST_ITEMS = 16;

/** Calls for items on the way. With batches of 128 KiB, as many bytes as {@link WINDOW_BYTES}. */
const MOST_CALLS = 16;

/** The same as {@link WINDOW_BYTES} in items, for small ones. */
const WINDOW_ITEMS = 4 * MOST_ITEMS;

/** What a reader uses of the reference that it reads. */
export interface StreamOrigin {
  /** Calls `next` of the source. Rejects, never throws. The signal cancels the call. */
  next(count: number, signal: AbortSignal): Promise<unknown>;
  /** Releases the source. */
  release(): void;
  /** What the streams of the connection share. Undefined for a source in this process. */
  readonly share?: StreamShare | undefined;
}

interface WaitingReader {
  readonly resolve: (result: IteratorResult<unknown, undefined>) => void;
  readonly reject: (error: unknown) => void;
  deadline: Deadline | undefined;
}

/**
 * Reads a stream of the peer. What is asked for in advance doubles while the program waits for items that the source
 * has, and is halved when many wait for the program. Leaving the iteration, and its end, release the source.
 */
export class StreamReader implements AsyncIterator<unknown, undefined>, AsyncIterable<unknown> {
  static {
    refuseProxies(this, (object) => #origin in object);
  }

  readonly #origin: StreamOrigin;
  readonly #options: DeadlineOptions;
  readonly #items = new Fifo<{ readonly item: unknown; readonly bytes: number }>();
  readonly #readers = new Fifo<WaitingReader>();
  #bytes = 0;
  /** The answers are handled in the order of the calls. */
  #handled: Promise<void> = Promise.resolve();
  #calls = 0;
  #count = FIRST_ITEMS;
  #mostCalls = 1;
  /** The key of this stream in the {@link StreamShare} of its connection. */
  readonly #key = {};
  /** The bytes that one call brings, by the last ones. */
  #expectedBytes = 0;
  #state: "new" | "reading" | "ended" = "new";
  #failure: { readonly error: Error } | undefined;
  #abort: Deadline | undefined;
  /** Abort the calls on the way when the reader leaves. One for each: Node warns of many listeners of one signal. */
  readonly #leaving = new Set<AbortController>();

  /** `signal` ends the iteration. `timeoutMs` is the longest wait for an item. */
  constructor(origin: StreamOrigin, options: DeadlineOptions) {
    this.#origin = origin;
    this.#options = options;
  }

  /** Bytes of items that wait to be read, by an estimate. */
  get waitingBytes(): number {
    return this.#bytes;
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    if (this.#state === "new") this.#start();
    const next = this.#items.take();
    if (next !== undefined) {
      this.#bytes -= next.bytes;
      this.#ask();
      return Promise.resolve({ done: false, value: next.item });
    }
    if (this.#failure !== undefined) {
      const { error } = this.#failure;
      this.#failure = undefined;
      return Promise.reject(error);
    }
    if (this.#state === "ended") return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      const reader: WaitingReader = { resolve, reject, deadline: undefined };
      this.#readers.add(reader);
      const { timeoutMs } = this.#options;
      if (timeoutMs !== undefined)
        reader.deadline = startDeadline(
          { timeoutMs },
          (ms) => callTimeout("next", ms),
          (error) => this.#stop({ error }),
        );
      this.#ask();
    });
  }

  return(): Promise<IteratorResult<unknown, undefined>> {
    this.#stop(undefined);
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #start(): void {
    this.#state = "reading";
    const { signal } = this.#options;
    if (signal === undefined) return;
    const stop = (error: Error): void => this.#stop({ error });
    this.#abort = startDeadline({ signal }, () => new PBError(), stop);
  }

  /** Asks for items, as many as may be on the way. */
  #ask(): void {
    while (this.#state === "reading" && this.#calls < this.#mostCalls) {
      const expected = this.#calls * this.#expectedBytes;
      const isFull = this.#bytes + expected >= WINDOW_BYTES || expected >= (this.#origin.share?.bytes ?? WINDOW_BYTES);
      const credit = Math.min(this.#mostCalls * this.#count, WINDOW_ITEMS);
      if (isFull || this.#items.size + this.#calls * this.#count >= credit) return;
      const count = this.#count;
      this.#calls++;
      const leaving = new AbortController();
      this.#leaving.add(leaving);
      const answer = this.#origin.next(count, leaving.signal);
      answer.catch(() => undefined); // Handled below, later.
      this.#handled = this.#handled
        .then(() => answer)
        .then(
          (items) => {
            this.#leaving.delete(leaving);
            this.#received(items, count);
          },
          (error: unknown) => this.#failed(error as Error),
        );
    }
  }

  /** An object that is no stream was iterated over by mistake: the program still uses it. */
  #failed(error: Error): void {
    if (!lacksNext(error)) this.#end({ error });
    else
      this.#end({ error: new TypeError("The object is not a stream: it has no method next", { cause: error }) }, false);
  }

  #received(items: unknown, count: number): void {
    this.#calls--;
    if (this.#state !== "reading") return;
    if (!Array.isArray(items) || items.length > count) {
      const given = Array.isArray(items) ? `a list of ${items.length}` : describe(items);
      const text = `The source of a stream was asked for a list of at most ${count} items, and answered ${given}`;
      this.#stop({ error: new PBError(text) });
      return;
    }
    if (items.length === 0) {
      this.#end(undefined);
      return;
    }
    const isAwaited = this.#readers.size > 0;
    let bytes = 0;
    for (const item of items as unknown[]) bytes += this.#add(item);
    this.#expectedBytes = bytes;
    if (bytes >= BATCH_BYTES / 2) this.#origin.share?.add(this.#key);
    this.#adapt(isAwaited, 2 * items.length >= count, bytes >= BATCH_BYTES / 2);
    this.#ask();
  }

  /** Hands an item out, or keeps it. Returns its bytes. */
  #add(item: unknown): number {
    const bytes = sizeOfItem(item);
    const reader = this.#readers.take();
    if (reader === undefined) {
      this.#items.add({ item, bytes });
      this.#bytes += bytes;
    } else {
      reader.deadline?.clear();
      reader.resolve({ done: false, value: item });
    }
    return bytes;
  }

  /** `hasMany`: the last answer had most items that were asked for. `isLarge`: it had most bytes that one may have. */
  #adapt(isAwaited: boolean, hasMany: boolean, isLarge: boolean): void {
    if (this.#bytes > WINDOW_BYTES / 2 || this.#items.size > WINDOW_ITEMS / 2) {
      this.#count = Math.max(this.#count >> 1, 1);
      this.#mostCalls = Math.max(this.#mostCalls >> 1, 1);
    } else if (isAwaited && (hasMany || isLarge)) {
      // More of large items would not come: they would only count in WINDOW_ITEMS.
      if (hasMany) this.#count = Math.min(this.#count * 2, MOST_ITEMS);
      this.#mostCalls = Math.min(this.#mostCalls * 2, MOST_CALLS);
    }
  }

  get #isEnded(): boolean {
    return this.#state === "ended";
  }

  /** Ends the iteration now: items that wait are dropped. */
  #stop(failure: { readonly error: Error } | undefined): void {
    this.#items.clear();
    this.#bytes = 0;
    if (!this.#isEnded) {
      this.#failure = undefined;
      for (const leaving of this.#leaving) leaving.abort();
    }
    this.#end(failure);
  }

  /** Ends the iteration, after the items that wait. */
  #end(failure: { readonly error: Error } | undefined, releases = true): void {
    if (this.#isEnded) return;
    this.#state = "ended";
    this.#abort?.clear();
    this.#failure = failure;
    this.#origin.share?.delete(this.#key);
    if (releases) this.#origin.release();
    for (let reader = this.#readers.take(); reader !== undefined; reader = this.#readers.take()) {
      reader.deadline?.clear();
      const failed = this.#failure;
      this.#failure = undefined;
      if (failed === undefined) reader.resolve({ done: true, value: undefined });
      else reader.reject(failed.error);
    }
  }
}

/** Whether the object that was asked for items has no such method. */
function lacksNext(error: Error): boolean {
  if (!(error instanceof RemoteError)) return false;
  return /\b(?:NoSuchMethod|AttributeError)$/.test(error.remoteType) && /\bremote_next\b/.test(error.remoteMessage);
}

/** The options of the call that a stream is the result of: its signal ends the stream too. */
const signalsOf = new WeakMap<object, AbortSignal>();

/** Notes the signal of the call that `result` is the result of. */
export function noteSignal(result: unknown, signal: AbortSignal): void {
  if (typeof result === "object" && result !== null) signalsOf.set(result, signal);
}

/** References whose stream was read, or is being read. */
const readStreams = new WeakSet();

/** Makes a reader. Throws `TypeError` for a stream that has a reader. */
export function readStream(reference: object, origin: StreamOrigin, options: DeadlineOptions): StreamReader {
  if (readStreams.has(reference)) throw new TypeError("A stream can be read once, and this one has a reader");
  readStreams.add(reference);
  return new StreamReader(origin, { signal: signalsOf.get(reference), ...options });
}

/** Marks the classes of {@link addIteration}. */
export const isRead: unique symbol = Symbol("isRead");

/** Makes the references of a class async iterable. Their type says so only where a stream arrives (`RemoteStream`). */
export function addIteration<T extends object>(type: { readonly prototype: T }, read: (self: T) => StreamReader): void {
  const streams = new WeakMap<T, unknown>();
  Object.defineProperty(type.prototype, isRead, { value: true });
  Object.defineProperty(type.prototype, Symbol.asyncIterator, {
    configurable: true,
    value(this: T) {
      return read(this);
    },
  });
  Object.defineProperty(type.prototype, "readable", {
    configurable: true,
    get(this: T) {
      const known = streams.get(this);
      if (known !== undefined) return known;
      const readable = asReadable(() => read(this));
      streams.set(this, readable);
      return readable;
    },
  });
}

interface ReadableController {
  enqueue(item: unknown): void;
  close(): void;
}

type ReadableClass = new (source: object, strategy: object) => object;

/**
 * A `ReadableStream` that asks for an item only when one is read. Until then the stream has no reader: `pipeline` of
 * Node looks at the property `readable`, and then iterates over the stream itself.
 */
function asReadable(read: () => StreamReader): object {
  const { ReadableStream } = globalThis as unknown as { readonly ReadableStream: ReadableClass };
  let known: StreamReader | undefined;
  const reader = (): StreamReader => (known ??= read());
  const source = {
    async pull(controller: ReadableController): Promise<void> {
      const { done, value } = await reader().next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
    cancel: () => reader().return(),
  };
  return new ReadableStream(source, { highWaterMark: 0 });
}
