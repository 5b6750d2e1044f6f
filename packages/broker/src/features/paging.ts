// Large data in pages: data that exceeds the size of a string is sent in several calls (wire specification 7;
// `twisted.spread.util`).

import { checkNumber } from "@pb/jelly-types";
import { ConnectionLostError } from "../errors.js";
import { Referenceable } from "../flavors/referenceable.js";
import type { RemoteReference } from "../flavors/remote-reference.js";

/**
 * Bytes per page. Twisted uses 8,192; a collector accepts pages of any size. Larger pages are faster up to this size
 * (bench `bytes`): a page and its message fit into two socket reads of 64 KiB. Still larger ones gain nothing.
 */
const PAGE_BYTES = 130_000;

/** The methods of a page collector, ours or Twisted's. */
export interface PageCollectorMethods {
  gotPage(page: unknown): void;
  endedPaging(): void;
}

/**
 * Splits bytes into pages of `pageBytes` bytes (default 130,000). Empty data is one empty page, as in Twisted. Throws
 * `TypeError` for a size that is not an integer of at least 1.
 */
export function pagesOf(data: Uint8Array, pageBytes: number = PAGE_BYTES): Generator<Uint8Array, void> {
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
 * Sends pages to a collector of the peer as fast as the connection takes them, then reports their end and releases the
 * collector (`twisted.spread.util.Pager`). The first page is written before this function returns. Rejects when the
 * connection has ended, and with an error that `pages` throws; the collector is released in any case.
 */
export async function sendPages(
  collector: RemoteReference<PageCollectorMethods>,
  pages: Iterable<unknown> | AsyncIterable<unknown>,
): Promise<void> {
  using held = collector;
  if (Symbol.iterator in pages) {
    let isFirst = true;
    for (const page of pages) {
      // Waits until the page before has left, so that other calls are not delayed.
      if (!isFirst) await held.drained();
      isFirst = false;
      held.sendRemote("gotPage", page);
    }
  } else {
    for await (const page of pages) {
      held.sendRemote("gotPage", page);
      await held.drained();
    }
  }
  held.sendRemote("endedPaging");
}

/**
 * Receives pages from the peer; an async iterable of them (`twisted.spread.util.CallbackPageCollector`). Pass it as an
 * argument of a call.
 */
export class PageCollector extends Referenceable implements AsyncIterable<unknown> {
  #pages: unknown[] = [];
  #state: "running" | "ended" | Error = "running";
  #isDiscarding = false;
  #wake: (() => void) | undefined;

  remote_gotPage(page: unknown): void {
    if (this.#isDiscarding) return;
    this.#pages.push(page);
    this.#wake?.();
  }

  remote_endedPaging(): void {
    this.#end("ended");
  }

  /** The peer released the collector without reporting the end of the pages, or the connection has ended. */
  override unreferenced(): void {
    if (this.#state === "running") this.fail(new ConnectionLostError("lost", "The pages stopped before their end"));
  }

  /** Discards the pages that have arrived and those that still arrive. The peer cannot be told to stop. */
  discard(): void {
    this.#isDiscarding = true;
    this.#pages = [];
  }

  /** Ends the iteration with an error, after the pages that have arrived. */
  fail(error: Error): void {
    this.#end(error);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<unknown, void> {
    while (true) {
      while (this.#pages.length > 0) yield this.#pages.shift();
      if (this.#state === "ended") return;
      if (this.#state !== "running") throw this.#state;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #end(state: "ended" | Error): void {
    if (this.#state === "running") this.#state = state;
    this.#wake?.();
  }
}

/**
 * Calls a method that sends its result in pages to a collector, which is its first argument, and iterates over the
 * pages. Throws what the call throws. The pages may end before the call is answered. Pages that arrive after the loop
 * was left are discarded.
 */
export async function* getPages(
  reference: RemoteReference,
  method: string,
  ...args: unknown[]
): AsyncGenerator<unknown, void> {
  const collector = new PageCollector();
  const answered = reference.callRemote(method, collector, ...args);
  answered.catch((error: unknown) => {
    collector.fail(error instanceof Error ? error : new Error(String(error)));
  });
  try {
    yield* collector;
  } catch (error) {
    await answered; // The error of the call, if there is one, says more than the error of the collector.
    throw error;
  } finally {
    collector.discard();
  }
  await answered;
}

/** Collects all pages (`twisted.spread.util.getAllPages`). */
export async function getAllPages(reference: RemoteReference, method: string, ...args: unknown[]): Promise<unknown[]> {
  const pages: unknown[] = [];
  for await (const page of getPages(reference, method, ...args)) pages.push(page);
  return pages;
}
