// Receives pages: an async iterable that lets the sender wait, and tells it when no more pages are wanted.

import { refuseProxies } from "@pb/banana";
import { ConnectionLostError, LimitError, PBError } from "../errors.js";
import { Fifo } from "../fifo.js";
import { Referenceable } from "../flavors/referenceable.js";
import { sizeOfItem } from "../flavors/stream-items.js";
import { RemoteError } from "../wire/failure.js";
import type { AcceptedMethods } from "../calls/validation.js";
import type { IncomingCall } from "../calls/callable.js";

/**
 * Bytes of pages that may wait to be read before the sender of the next one has to wait for its answer. 1 MiB: enough
 * to keep a program busy that reads one page after another. The sender has 2 MiB without an answer.
 */
const READ_AHEAD_BYTES = 1024 * 1024;

/** The same in pages, for small ones. */
const READ_AHEAD_PAGES = 256;

/**
 * Bytes of pages that may wait to be read. Only a sender that does not wait for answers, such as a Pager of stock
 * Twisted, exceeds READ_AHEAD_BYTES by much. 64 MiB, as for one message.
 */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

/** What a page costs besides its contents, in bytes. */
const PAGE_COST = 128;

/** The message of the `PBError` that answers a page which is not read. The sender stops. */
export const PAGES_UNWANTED = "The pages are not read anymore";

interface WaitingPage<Page> {
  readonly page: Page;
  readonly cost: number;
  /** Answers the sender. */
  readonly taken: (() => void) | undefined;
}

/** A `next()` that waits for a page. */
interface Reader<Page> {
  readonly resolve: (result: IteratorResult<Page, undefined>) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Receives pages from the peer; an async iterable of them (`twisted.spread.util.CallbackPageCollector`). `Page` is
 * the type with which a page arrives. Pass it as an argument of a call. Once it is iterated, a sender that waits for
 * answers, such as {@link sendPages}, is at most about 4 MiB ahead. Pages of other senders wait in memory, up to 64
 * MiB; then the iteration fails with `LimitError`.
 */
export class PageCollector<Page = unknown> extends Referenceable implements AsyncIterable<Page> {
  static {
    refuseProxies(this, (object) => #pages in object);
  }

  static readonly accepts: AcceptedMethods = { gotPage: true, endedPaging: true, failedPaging: true };

  readonly #pages = new Fifo<WaitingPage<Page>>();
  readonly #readers = new Fifo<Reader<Page>>();
  #waitingBytes = 0;
  #state: "running" | "ended" | Error = "running";
  #isIterated = false;
  #isDiscarding = false;

  override receiveCall(call: IncomingCall): unknown {
    if (call.method !== "gotPage") return super.receiveCall(call);
    return this.#gotPage(call.args[0] as Page, call.wantsAnswer === true);
  }

  remote_gotPage(page: Page): void {
    void this.#gotPage(page, false);
  }

  remote_endedPaging(): void {
    this.#end("ended");
  }

  /** The source of the pages failed. Sent by this library only. */
  remote_failedPaging(type: unknown, message: unknown): void {
    const name = typeof type === "string" ? type : "twisted.spread.pb.Error";
    this.fail(new RemoteError({ type: name, message: typeof message === "string" ? message : "", parents: [name] }));
  }

  /** The peer released the collector without reporting the end of the pages, or the connection has ended. */
  override unreferenced(): void {
    if (this.#state === "running") this.fail(new ConnectionLostError("lost", "The pages stopped before their end"));
  }

  /** Discards the pages that have arrived, and tells the sender with its next page to stop. Ends the iteration. */
  discard(): void {
    this.#stop("ended");
  }

  /** The same, and the iteration fails with this error. */
  stop(error: Error): void {
    this.#stop(error);
  }

  /** Ends the iteration with an error, after the pages that have arrived. */
  fail(error: Error): void {
    this.#end(error);
  }

  /** Leaving the iteration discards the pages, also while `next()` waits for one. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Page> {
    this.#isIterated = true;
    const iterator: AsyncIterableIterator<Page> = {
      next: () => this.#next(),
      return: () => {
        this.discard();
        return Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  #stop(state: "ended" | Error): void {
    this.#isDiscarding = true;
    for (let waiting = this.#pages.take(); waiting !== undefined; waiting = this.#pages.take()) waiting.taken?.();
    this.#waitingBytes = 0;
    this.#end(state);
  }

  #gotPage(page: Page, isAwaited: boolean): Promise<void> | undefined {
    if (this.#isDiscarding || this.#state !== "running") {
      if (isAwaited) throw new PBError(PAGES_UNWANTED);
      return undefined;
    }
    const reader = this.#readers.take();
    if (reader !== undefined) {
      reader.resolve({ done: false, value: page });
      return undefined;
    }
    const cost = costOf(page);
    if (this.#waitingBytes + cost > MAX_WAITING_BYTES) {
      const text = `More than ${MAX_WAITING_BYTES} bytes of pages wait to be read, and the sender does not wait`;
      this.stop(new LimitError("pages", text));
      return undefined;
    }
    this.#waitingBytes += cost;
    // A program may wait for the end of the call before it reads: until then, nothing is held back.
    const isAhead = this.#waitingBytes > READ_AHEAD_BYTES || this.#pages.size >= READ_AHEAD_PAGES;
    if (!(isAhead && isAwaited && this.#isIterated)) {
      this.#pages.add({ page, cost, taken: undefined });
      return undefined;
    }
    return new Promise((taken) => this.#pages.add({ page, cost, taken }));
  }

  #next(): Promise<IteratorResult<Page, undefined>> {
    const waiting = this.#pages.take();
    if (waiting !== undefined) {
      this.#waitingBytes -= waiting.cost;
      waiting.taken?.();
      return Promise.resolve({ done: false, value: waiting.page });
    }
    if (this.#state === "ended") return Promise.resolve({ done: true, value: undefined });
    if (this.#state !== "running") return Promise.reject(this.#state);
    return new Promise((resolve, reject) => this.#readers.add({ resolve, reject }));
  }

  #end(state: "ended" | Error): void {
    if (this.#state === "running") this.#state = state;
    for (let reader = this.#readers.take(); reader !== undefined; reader = this.#readers.take()) {
      if (this.#state === "ended") reader.resolve({ done: true, value: undefined });
      else reader.reject(this.#state);
    }
  }
}

function costOf(page: unknown): number {
  // The letters of a text may take two bytes each.
  return PAGE_COST + (typeof page === "string" ? 2 * page.length : sizeOfItem(page, MAX_WAITING_BYTES));
}
