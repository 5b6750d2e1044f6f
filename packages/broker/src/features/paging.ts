// Large data in pages: data that exceeds the size of a string is sent in several calls (wire specification 7;
// `twisted.spread.util`).

import { dispose } from "@pb/banana";
import { checkNumber, describe } from "@pb/jelly-types";
import { startDeadline } from "../deadline.js";
import type { Deadline } from "../deadline.js";
import { ArgumentsError, callTimeout, ConnectionLostError } from "../errors.js";
import type { MethodName, MethodOf } from "../calls/method-types.js";
import type { Sendable } from "../flavors/arrival-types.js";
import type { RemoteArguments, RemoteName } from "../flavors/call-types.js";
import { RemoteCaller } from "../flavors/remote-reference.js";
import type { Reference, RemoteReference } from "../flavors/remote-reference.js";
import { sizeOfItem } from "../flavors/stream-items.js";
import { describeError, describeSafely, RemoteError } from "../wire/failure.js";
import { PageCollector, PAGES_UNWANTED } from "./page-collector.js";

/**
 * Bytes per page. Twisted uses 8,192; a collector accepts pages of any size. Larger pages are faster up to this size
 * (bench `bytes`): a page and its message fit into two socket reads of 64 KiB. Still larger ones gain nothing.
 */
const PAGE_BYTES = 130_000;

/**
 * Bytes of pages that may be without an answer. Two megabytes per round trip: up to 200 megabytes a second over a
 * network with 10 ms. A collector lets the sender send more by answering earlier pages.
 */
const WINDOW_BYTES = 2 * 1024 * 1024;

/** The same in pages, for small ones: each is a call. */
const WINDOW_PAGES = 256;

/** The first pages want no answer, as those of a stock Pager: a short transfer costs no round trip. */
const FREE_PAGES = 16;

/** The methods of a page collector, ours or Twisted's. `Page` is the type with which a page arrives. */
export interface PageCollectorMethods<Page = unknown> {
  gotPage(page: Page): void;
  endedPaging(): void;
}

/**
 * Splits bytes into pages of `pageBytes` bytes (default 130,000). Empty data is one empty page, as in Twisted. Throws
 * `TypeError` for a size that is not an integer of at least 1.
 */
export function pagesOf(data: Uint8Array, pageBytes: number = PAGE_BYTES): Generator<Uint8Array, void> {
  if (!(data instanceof Uint8Array)) throw new TypeError(`pagesOf splits a Uint8Array, not ${describe(data)}`);
  checkNumber("The size of a page", pageBytes, { least: 1, isWhole: true });
  return split(data, pageBytes);
}

function* split(data: Uint8Array, pageBytes: number): Generator<Uint8Array, void> {
  let start = 0;
  do {
    yield data.subarray(start, start + pageBytes);
    start += pageBytes;
  } while (start < data.length);
}

/**
 * Sends pages to a collector of the peer as fast as the connection takes them and the peer reads them, then reports
 * their end and releases the collector (`twisted.spread.util.Pager`). The first page is written before this function
 * returns. Resolves early when the peer does not want further pages; the iterator of `pages` is then closed. Rejects
 * when the connection has ended, when a page cannot be sent, and with an error that `pages` or the collector throws;
 * the collector is released in any case. Rejects with {@link ArgumentsError} when the peer passed an object that is no
 * collector, which is noticed after 16 pages: the calls before them have no answer, as those of Twisted's Pager.
 * Rejects with `TypeError` for text and bytes instead of pages: see {@link pagesOf}.
 */
export async function sendPages<Page = unknown>(
  collector: RemoteReference<PageCollectorMethods<Page>>,
  pages: NoInfer<Iterable<Sendable<Page>> | AsyncIterable<Sendable<Page>>>,
): Promise<void> {
  requireCollector(collector);
  requirePages(pages);
  const held = collector as RemoteReference<PageCollectorMethods>;
  const sent = new SentPages(held);
  // In one function: the collector is released in the turn of the last page, as by a Pager of Twisted.
  try {
    if (Symbol.iterator in pages) {
      let isFirst = true;
      for (const page of pages) {
        if (!isFirst) await sent.room();
        isFirst = false;
        if (sent.isUnwanted) return;
        sent.add(page);
      }
    } else {
      for await (const page of pages) {
        if (sent.isUnwanted) return;
        sent.add(page);
        await sent.room();
      }
    }
    if (sent.unanswered > 0) await sent.answered();
    if (!sent.isUnwanted) held.sendRemote("endedPaging");
  } catch (error) {
    // The error of the collector is known at the other end.
    if (held.isAlive && !(error instanceof RemoteError)) reportFailure(held, error);
    throw errorOf(error);
  } finally {
    held[dispose]();
  }
}

function requireCollector(collector: unknown): void {
  if (typeof (collector as { readonly sendRemote?: unknown } | null | undefined)?.sendRemote !== "function")
    throw new TypeError(
      `sendPages takes the reference to a collector, which a peer passed, not ${describe(collector)}`,
    );
}

/** Throws `TypeError` for data that is one page, or has to be split: each of its bytes or letters would be a page. */
function requirePages(pages: unknown): void {
  if (pages instanceof Uint8Array) throw new TypeError("Pages of bytes: pass pagesOf(bytes)");
  const isIterable =
    typeof pages === "object" && pages !== null && (Symbol.iterator in pages || Symbol.asyncIterator in pages);
  if (!isIterable) throw new TypeError(`The pages must be an iterable or an async iterable, not ${describe(pages)}`);
}

/** The error of a page, or what to do about an object that has no methods for pages. */
function errorOf(error: unknown): unknown {
  const isMissing = error instanceof RemoteError && /\bNoSuchMethod$|\bAttributeError$/.test(error.remoteType);
  if (!isMissing || !/_(gotPage|endedPaging)\b/.test(error.message)) return error;
  const text = "The object that was passed for the pages is not a collector: pass a PageCollector, or use getPages";
  return new ArgumentsError(text, { cause: error });
}

/**
 * Tells the reader why there are no further pages. A collector of Twisted has no such method, and ignores the call.
 */
function reportFailure(collector: RemoteReference<PageCollectorMethods>, error: unknown): void {
  const { type, message } = describeSafely(describeError, error, false);
  try {
    (collector as unknown as RemoteReference).sendRemote("failedPaging", type, message);
  } catch {
    // The connection has just ended.
  }
}

/** The pages that were sent and are not answered. */
class SentPages {
  readonly #collector: RemoteReference<PageCollectorMethods>;
  #freePages = FREE_PAGES;
  #freeBytes = WINDOW_BYTES;
  /** Pages that want an answer and have none yet, and their bytes. */
  unanswered = 0;
  #bytes = 0;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;
  /** Whether the peer has said that it does not want further pages. */
  isUnwanted = false;

  constructor(collector: RemoteReference<PageCollectorMethods>) {
    this.#collector = collector;
  }

  /** Sends a page. Throws `JellyError` when one of the first pages cannot be sent. */
  add(value: unknown): void {
    // As the last argument, undefined would not be sent, and the collector would miss its page.
    const page = value === undefined ? null : value;
    const bytes = sizeOfItem(page, WINDOW_BYTES);
    if (this.#freePages > 0 && this.#freeBytes > 0) {
      this.#freePages--;
      this.#freeBytes -= bytes;
      this.#collector.sendRemote("gotPage", page);
      return;
    }
    this.unanswered++;
    this.#bytes += bytes;
    this.#collector.callRemote("gotPage", page).then(
      () => this.#settled(bytes),
      (error: unknown) => {
        if (error instanceof RemoteError && error.message === PAGES_UNWANTED) this.isUnwanted = true;
        else this.#failure ??= { error };
        this.#settled(bytes);
      },
    );
  }

  /** Resolves when a further page may be sent. Rejects when one could not be sent. */
  async room(): Promise<void> {
    // Waits until the page before has left, so that other calls are not delayed.
    await this.#collector.drained();
    await this.#until(() => this.#bytes < WINDOW_BYTES && this.unanswered < WINDOW_PAGES);
  }

  /** Resolves when all pages are answered. */
  answered(): Promise<void> {
    return this.#until(() => this.unanswered === 0);
  }

  async #until(isReached: () => boolean): Promise<void> {
    while (this.#failure === undefined && !this.isUnwanted && !isReached())
      await new Promise<void>((resolve) => (this.#wake = resolve));
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #settled(bytes: number): void {
    this.unanswered--;
    this.#bytes -= bytes;
    this.#wake?.();
  }
}

/** The names of the methods that send their result in pages: to a collector, which is their first parameter. */
type PagesName<T> =
  string extends RemoteName<T>
    ? string
    : {
        [Name in MethodName<T>]: PageOf<T, Name, never> extends never ? never : Name;
      }[MethodName<T>];

/** The arguments of such a method after the collector. */
type PagesArguments<T, Name extends PagesName<T>> =
  RemoteArguments<T, Name> extends [unknown, ...infer Args] ? Args : unknown[];

/** The type of its pages, or `Otherwise` of a method without a collector. */
type PageOf<T, Name extends string, Otherwise = unknown> =
  MethodOf<T, Name> extends (collector: infer First, ...args: never) => unknown
    ? First extends RemoteReference<infer Collector> // Its object is compared, because references have more members.
      ? PageFor<Collector, Otherwise>
      : Otherwise
    : Otherwise;

type PageFor<Collector, Otherwise> = unknown extends Collector
  ? // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the pages of a collector of unknown type
    any
  : Collector extends { gotPage(page: infer Page): unknown }
    ? Page
    : Collector extends { remote_gotPage(page: infer Page): unknown }
      ? Page
      : Otherwise;

/** A {@link RemoteCaller}, or a reference: the one member from which the compiler infers `T` fastest. */
type Caller<T> = RemoteCaller<T> | Pick<Reference<T>, "with">;

/**
 * Calls a method that sends its result in pages to a collector, which is its first argument, and iterates over the
 * pages. Throws what the call throws. The pages may end before the call is answered, and may begin after it. A method
 * that ignores the collector therefore looks like one that is slow, until the peer has released the collector: CPython
 * does that at once, JavaScript when it collects garbage. The iteration then fails with {@link ConnectionLostError}.
 *
 * The peer is at most about 4 MiB ahead of the program if it is of this library (see {@link PageCollector}). Leaving
 * the loop stops it, also while a page is waited for. Pass `reference.with({ signal, timeoutMs })` to limit the time of
 * the whole transfer, also after the answer of the call.
 */
export function getPages<T, Name extends PagesName<T>>(
  reference: Caller<T>,
  method: Name,
  ...args: PagesArguments<T, Name>
): AsyncIterableIterator<PageOf<T, Name>> {
  const collector = new PageCollector<PageOf<T, Name>>();
  const pages = collector[Symbol.asyncIterator]();
  let answered: Promise<unknown> | undefined;
  let deadline: Deadline | undefined;
  let isLeft = false;
  let leave!: () => void;
  const left = new Promise<void>((resolve) => (leave = resolve));
  const start = (): Promise<unknown> => {
    if (answered !== undefined) return answered;
    // The deadline of the call ends with its answer, after which there may be no page for ever.
    const options = RemoteCaller.optionsOf(reference);
    const timeoutError = (timeoutMs: number): Error => callTimeout(method, timeoutMs);
    if (options !== undefined) deadline = startDeadline(options, timeoutError, (reason) => collector.stop(reason));
    answered = (reference as unknown as Reference).callRemote<string>(method, collector, ...args);
    answered.catch((error: unknown) => {
      // The time of the call is over, or its signal has aborted: nothing more is wanted.
      if (!(error instanceof RemoteError || error instanceof ConnectionLostError)) collector.stop(error as Error);
      else collector.fail(error);
    });
    return answered;
  };
  const iterator: AsyncIterableIterator<PageOf<T, Name>> = {
    async next() {
      if (isLeft) return { done: true, value: undefined };
      const call = start();
      try {
        const result = await pages.next();
        // A reader that left while it waited for a page does not wait for the answer.
        if (result.done === true) await Promise.race([call, left]);
        if (result.done === true) deadline?.clear();
        return result;
      } catch (error) {
        deadline?.clear();
        // The error of the call, if there is one, says more than that of the collector.
        if (error instanceof ConnectionLostError || error instanceof RemoteError) await Promise.race([call, left]);
        throw error;
      }
    },
    async return() {
      isLeft = true;
      deadline?.clear();
      leave();
      await pages.return!();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}

/** Collects all pages (`twisted.spread.util.getAllPages`). They are all in memory at the end, however many they are. */
export async function getAllPages<T, Name extends PagesName<T>>(
  reference: Caller<T>,
  method: Name,
  ...args: PagesArguments<T, Name>
): Promise<PageOf<T, Name>[]> {
  const pages: PageOf<T, Name>[] = [];
  for await (const page of getPages(reference, method, ...args)) pages.push(page);
  return pages;
}
