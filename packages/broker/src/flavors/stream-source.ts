// Streams that leave this end: an async iterable or a `ReadableStream` stays here, and the peer gets a reference to a
// source, of which it asks items with `next(count)`. Nothing is produced that was not asked for.

import { madeBy } from "@pb/banana";
import { describe, JellyError } from "@pb/jelly-types";
import type { JellyWriter, TypeRegistry, WritingHandler } from "@pb/jelly-types";
import { IncomingContext, runningCalls } from "../calls/call-context.js";
import type { Connection, IncomingCall, Perspective } from "../calls/callable.js";
import type { Parameters } from "../calls/dispatch.js";
import { isDueToCancel } from "../calls/extension-errors.js";
import { ArgumentsError, LimitError, PBError } from "../errors.js";
import { outgoingGraph } from "../references/graph-context.js";
import type { ConnectionContext } from "../references/graph-context.js";
import { Referenceable, writeReference } from "./referenceable.js";
import { Batch, BATCH_BYTES, MOST_ITEMS, sizeOfItem } from "./stream-items.js";
import { isRead } from "./stream-reader.js";
import { turnsOf } from "./stream-turns.js";
import type { BatchOwner } from "./stream-items.js";

/** Calls for items that may wait. A reader of this library has at most 16. */
const MOST_WAITING = 64;

/**
 * Microtasks without a further item after which a source answers with fewer than were asked for. An async generator
 * that waits for nothing yields each third of them.
 */
const QUIET_MICROTASKS = 8;
const RESOLVED = Promise.resolve();

interface Iteration {
  next(): PromiseLike<{ readonly done?: boolean | undefined; readonly value?: unknown }>;
  return?(): unknown;
}

/** What a `ReadableStream` has, as far as it is used. Not all platforms iterate over it. */
interface Readable {
  getReader(): { read(): ReturnType<Iteration["next"]>; cancel(reason?: unknown): Promise<void> };
  cancel(reason?: unknown): Promise<void>;
  readonly locked: boolean;
}

export type Stream = AsyncIterable<unknown> | Readable;

/** What a source uses of its connection. */
export type StreamHost = Pick<ConnectionContext, "openStreams"> & {
  readonly connection: Connection;
  readonly config: {
    readonly limits: { readonly streams: number };
    reportError(error: unknown, connection: Connection): void;
  };
};

interface Waiting {
  readonly count: number;
  readonly resolve: (batch: Batch) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Whether an object is sent as a stream, if no handler is registered for its class. Ways to read a stream that has
 * arrived are not, nor are references of another copy of this package. A proxy may throw.
 */
export function isStream(object: object): object is Stream {
  try {
    if (isRead in object || madeBy in object) return false;
    const { getReader, locked } = object as Partial<Readable>;
    return (
      typeof (object as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] === "function" ||
      (typeof getReader === "function" && typeof locked === "boolean")
    );
  } catch {
    return false;
  }
}

/** How the calls of `next` that wait are canceled, by their promises. */
const cancelers = new WeakMap<object, () => void>();

/** Cancels a call of `next`. Returns false for the promise of any other call. */
export function cancelNext(promise: object): boolean {
  const cancel = cancelers.get(promise);
  cancel?.();
  return cancel !== undefined;
}

/** The sources of each stream: one that was not read is closed when the last of them is released. */
const sourcesOf = new WeakMap<Stream, number>();

/** Ends a stream that was not read, and will not be: one that is not sent. Rejects when it fails to close. */
export async function discardStream(stream: Stream): Promise<void> {
  if (!sourcesOf.has(stream)) await closeUnread(stream);
}

/** An iterable that makes an iterator for each reader has none to close. */
function closeUnread(stream: Stream): unknown {
  if (isReadable(stream)) return stream.locked ? undefined : stream.cancel();
  const { next, return: end, destroy } = stream as Partial<Iteration> & { readonly destroy?: unknown };
  if (typeof next === "function" && typeof end === "function") return end.call(stream);
  return typeof destroy === "function" ? (destroy.call(stream) as unknown) : undefined; // A stream of Node.
}

function isReadable(stream: Stream): stream is Readable {
  return typeof (stream as Partial<Readable>).getReader === "function";
}

function iterate(stream: Stream): Iteration {
  if (!isReadable(stream)) return stream[Symbol.asyncIterator]() as Iteration;
  const reader = stream.getReader();
  return { next: () => reader.read(), return: () => reader.cancel() };
}

/**
 * One stream on its way to the peer, which asks for items with `next(count)` and gets a list of at least one and at
 * most that many: fewer when no more are there, or when they take {@link BATCH_BYTES}. An empty list is the end. Items
 * that were asked for and not delivered are taken in advance, up to the same bytes.
 *
 * The stream is closed when the peer releases the source, and when the connection ends.
 */
export class StreamSource extends Referenceable implements BatchOwner {
  static readonly parameters: Parameters = { next: ["count?"] };
  static readonly accepts = { next: true } as const;

  override readonly perspective: Perspective;
  readonly #stream: Stream;
  readonly #host: StreamHost;
  /** What `callContext()` returns in a generator: its signal aborts when the stream is not read anymore. */
  readonly #context: IncomingContext;
  #iteration: Iteration | undefined;
  readonly #waiting: Waiting[] = [];
  /** Items that were taken from the stream, with their sizes. */
  #items: { readonly item: unknown; readonly bytes: number }[] = [];
  #bytes = 0;
  /** Items that the peer has asked for, and that were not taken from the stream. */
  #credit = 0;
  /** Items of the calls that wait. Beyond them, {@link MOST_ITEMS} may be taken in advance. */
  #asked = 0;
  #isTaking = false;
  /** Items taken so far, and whether no further one came soon after the last. */
  #taken = 0;
  #isQuiet = true;
  #isWatching = false;
  #batches = 0;
  #state: "open" | "ended" | "closed" = "open";
  /** Whether the peer has released the source. */
  #isReleased = false;
  /** The error that the next call fails with. */
  #failure: { readonly error: unknown } | undefined;
  /** The batch that could not be sent, and the last one that was made by then. */
  #unsendable: { readonly number: number; readonly last: number; readonly error: unknown } | undefined;

  constructor(stream: Stream, host: StreamHost, perspective: Perspective) {
    super();
    if (isReadable(stream) && stream.locked)
      throw new JellyError("JELLY_NOT_JELLYABLE", "a locked ReadableStream cannot be sent: something else reads it");
    const { streams } = host.config.limits;
    if (host.openStreams >= streams)
      throw new LimitError("streams", `Too many streams are open: the limit is ${streams}. Read them to their end`);
    host.openStreams++;
    this.#stream = stream;
    this.#host = host;
    this.perspective = perspective;
    this.#context = new IncomingContext(host.connection, perspective);
    sourcesOf.set(stream, (sourcesOf.get(stream) ?? 0) + 1);
  }

  override get home(): object {
    return this.#stream;
  }

  /** Without an answer, items would be lost. */
  override receiveCall(call: IncomingCall): unknown {
    return call.wantsAnswer === true ? super.receiveCall(call) : undefined;
  }

  remote_next(given: unknown): Promise<Batch> {
    const count = countOf(given);
    if (this.#waiting.length >= MOST_WAITING)
      throw new LimitError("streams", `More than ${MOST_WAITING} calls wait for items of a stream`);
    this.#asked += count;
    this.#credit = Math.min(this.#credit + count, this.#asked + MOST_ITEMS);
    let waiting!: Waiting;
    const answer = new Promise<Batch>((resolve, reject) => {
      this.#waiting.push((waiting = { count, resolve, reject }));
    });
    cancelers.set(answer, () => this.#cancel(waiting));
    this.advance();
    return answer;
  }

  /** Its caller does not wait anymore: no item is lost. */
  #cancel(waiting: Waiting): void {
    const index = this.#waiting.indexOf(waiting);
    if (index < 0) return;
    this.#waiting.splice(index, 1);
    this.#asked -= waiting.count;
    waiting.resolve(new Batch([], 0, this));
    if (this.#isReleased && this.#waiting.length === 0) this.#close("closed");
  }

  /**
   * Calls that still wait are answered first: Python releases a reference that it has called, and then waits for the
   * answer. A reader that leaves cancels its calls.
   */
  override unreferenced({ isOpen }: Connection): void {
    this.#isReleased = true;
    if (!isOpen || this.#waiting.length === 0) this.#close("closed");
  }

  failureBefore(number: number): { readonly error: unknown } | undefined {
    const failure = this.#unsendable;
    if (failure === undefined || number <= failure.number || number > failure.last) return undefined;
    this.#failure = undefined;
    return failure;
  }

  cannotSend(number: number, error: unknown, isLater: boolean): void {
    this.#unsendable = { number, last: this.#batches, error };
    this.#close("ended", isLater ? { error } : undefined);
  }

  /** Answers calls, and takes what may be taken. */
  advance(): void {
    for (let first = this.#waiting[0]; first !== undefined && this.#canAnswer(first); first = this.#waiting[0]) {
      this.#waiting.shift();
      this.#answer(first);
      if (this.#isReleased && this.#waiting.length === 0) this.#close("closed");
    }
    if (this.#state === "open" && this.#credit > 0 && this.#bytes < BATCH_BYTES && !this.#isTaking) this.#take();
  }

  #canAnswer({ count }: Waiting): boolean {
    if (this.#state === "closed") return true;
    const { length } = this.#items;
    const isFull = length >= count || this.#bytes >= BATCH_BYTES || this.#state === "ended";
    return (isFull || (length > 0 && this.#isQuiet)) && turnsOf(this.#host.connection).admits(this);
  }

  #answer({ count, resolve, reject }: Waiting): void {
    this.#asked -= count;
    if (this.#items.length === 0 && this.#failure !== undefined) {
      const { error } = this.#failure;
      this.#failure = undefined;
      reject(error);
      return;
    }
    let bytes = 0;
    let length = 0;
    while (length < count && length < this.#items.length && bytes < BATCH_BYTES) bytes += this.#items[length++]!.bytes;
    this.#bytes -= bytes;
    const batch = this.#items.splice(0, length).map(({ item }) => item);
    resolve(new Batch(batch, ++this.#batches, this));
    turnsOf(this.#host.connection).add(bytes);
  }

  #take(): void {
    this.#isTaking = true;
    this.#credit--;
    let taken: ReturnType<Iteration["next"]>;
    try {
      taken = this.#run(() => (this.#iteration ??= iterate(this.#stream)).next());
    } catch (error) {
      this.#isTaking = false;
      this.#finish({ error });
      return;
    }
    Promise.resolve(taken).then(
      (result: unknown) => {
        this.#isTaking = false;
        this.#received(result);
      },
      (error: unknown) => {
        this.#isTaking = false;
        this.#finish({ error });
      },
    );
  }

  /** Runs code of the stream: `callContext()` in it returns that of the stream. */
  #run<Result>(code: () => Result): Result {
    const outer = runningCalls.runner;
    runningCalls.runner = { context: () => this.#context };
    try {
      return code();
    } finally {
      runningCalls.runner = outer;
    }
  }

  #received(result: unknown): void {
    if (typeof result !== "object" || result === null) {
      this.#finish({ error: new TypeError(`The next() of a stream returned ${describe(result)}`) });
      return;
    }
    const { done, value } = result as { readonly done?: unknown; readonly value?: unknown };
    if (done === true) {
      this.#finish(undefined);
      return;
    }
    if (this.#state !== "open") return; // The reader has left.
    const bytes = sizeOfItem(value);
    this.#items.push({ item: value, bytes });
    this.#bytes += bytes;
    this.#taken++;
    this.#isQuiet = false;
    if (!this.#isWatching) void this.#watch();
    this.advance();
  }

  /** Notes when no further item has come soon after the last. */
  async #watch(): Promise<void> {
    this.#isWatching = true;
    let seen: number;
    do {
      seen = this.#taken;
      for (let left = QUIET_MICROTASKS; left > 0; left--) await RESOLVED;
    } while (this.#taken > seen);
    this.#isWatching = false;
    this.#isQuiet = true;
    this.advance();
  }

  /** The stream has ended by itself, or has failed. */
  #finish(failure: { readonly error: unknown } | undefined): void {
    if (this.#state === "open") {
      this.#state = "ended";
      this.#failure = failure;
      this.#leave();
      this.advance();
    } else if (failure !== undefined && !isDueToCancel(failure.error, this.#reason))
      this.#host.config.reportError(failure.error, this.#host.connection);
  }
  readonly #reason = new PBError("The stream is not read anymore");

  /** The stream is not read anymore. Calls that wait get the failure, or the end of the stream. */
  #close(state: "ended" | "closed", failure?: { readonly error: unknown }): void {
    const wasOpen = this.#state === "open";
    this.#state = state;
    this.#items = [];
    this.#bytes = 0;
    this.#failure = failure;
    if (wasOpen) {
      const isLast = this.#leave();
      this.#context.abort(this.#reason);
      void this.#end(isLast);
    }
    this.advance();
  }

  /** Closes the stream. A generator that waits is closed when it goes on: its signal tells it to. */
  async #end(isLast: boolean): Promise<void> {
    try {
      if (this.#iteration !== undefined) await this.#run(() => this.#iteration?.return?.());
      else if (isLast) await closeUnread(this.#stream);
    } catch (error) {
      if (!isDueToCancel(error, this.#reason)) this.#host.config.reportError(error, this.#host.connection);
    }
  }

  /** It is not counted anymore. Returns whether it was the last source of its stream. */
  #leave(): boolean {
    this.#host.openStreams--;
    const left = (sourcesOf.get(this.#stream) ?? 1) - 1;
    if (left > 0) sourcesOf.set(this.#stream, left);
    else sourcesOf.delete(this.#stream);
    return left === 0;
  }
}

/** Throws {@link ArgumentsError} for what is not an integer of at least 1. More than {@link MOST_ITEMS} are as many. */
function countOf(count: unknown): number {
  if (count === undefined) return 1;
  const isCount = typeof count === "bigint" ? count >= 1n : Number.isInteger(count) && (count as number) >= 1;
  if (!isCount) throw new ArgumentsError("next() takes the number of items that are wanted, an integer of at least 1");
  return Number(count) > MOST_ITEMS ? MOST_ITEMS : Number(count);
}

/** Writes a stream. Each time it is sent, it gets a source of its own. */
export const streamHandler: WritingHandler<Stream> = {
  atoms: [],
  classes: [],
  jelly(stream: Stream, jellier: JellyWriter) {
    const { context, perspective } = outgoingGraph(jellier, stream);
    const source = new StreamSource(stream, context, perspective);
    try {
      writeReference(jellier, source, source);
    } catch (error) {
      source.unreferenced(context.connection); // The peer will not release what it does not get.
      throw error;
    }
  },
};

/** The stream that a result is, unless its class has another handler: then it is sent as something else. */
export function streamOf(result: unknown, types: Pick<TypeRegistry, "writing">): Stream | undefined {
  if (typeof result !== "object" || result === null || !isStream(result)) return undefined;
  return types.writing(result) === streamHandler ? result : undefined;
}
