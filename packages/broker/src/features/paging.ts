// Large data in pages: what is too long for one string goes out bit by bit (wire specification 7; `twisted.spread.util`).

import { ConnectionLostError } from "../errors.js";
import { Referenceable } from "../flavors/referenceable.js";
import type { RemoteReference } from "../flavors/remote-reference.js";

/** Bytes of one page. Twisted's pager takes 8,192; larger pages are faster (bench `bytes`), and a collector takes any. */
export const PAGE_BYTES = 65536;

/** The methods of a collector, ours or Twisted's. */
export interface PageCollectorMethods {
  gotPage(page: unknown): void;
  endedPaging(): void;
}

/** A byte string in pages of `pageBytes`. An empty one is one empty page, as in Twisted. */
export function* pagesOf(data: Uint8Array, pageBytes: number = PAGE_BYTES): Generator<Uint8Array, void> {
  let start = 0;
  do {
    yield data.subarray(start, start + pageBytes);
    start += pageBytes;
  } while (start < data.length);
}

/**
 * Sends pages to a collector of the peer, as fast as the connection takes them, then says that they ended and gives the collector back
 * (`twisted.spread.util.Pager`). The first page is on its way before this returns. Rejects when the connection is over, and with what
 * `pages` throws; the collector is given back in any case.
 */
export async function sendPages(
  collector: RemoteReference<PageCollectorMethods>,
  pages: Iterable<unknown> | AsyncIterable<unknown>,
): Promise<void> {
  using held = collector;
  if (Symbol.iterator in pages) {
    let isFirst = true;
    for (const page of pages) {
      // One page at each time that what was sent before has left, so that other calls get through.
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

/** Takes pages from a peer: an async iterable of them (`twisted.spread.util.CallbackPageCollector`). Pass it as an argument. */
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

  /** The peer gave the collector back without saying that the pages ended, or is gone. */
  override unreferenced(): void {
    if (this.#state === "running") this.fail(new ConnectionLostError("lost", "The pages stopped before their end"));
  }

  /** Lets go of the pages that are there, and of all that come: nobody wants them any more. A peer cannot be told to stop. */
  discard(): void {
    this.#isDiscarding = true;
    this.#pages = [];
  }

  /** Ends the iteration with an error, after the pages that are there. */
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
 * Calls a method that sends its result in pages to the collector it is given first, and iterates over them. Throws what the call throws.
 * The pages may end before the call is answered. Those that still come when the loop was left are not kept.
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
    await answered; // what the call throws says more than that the pages stopped
    throw error;
  } finally {
    collector.discard();
  }
  await answered;
}

/** All pages at once (`twisted.spread.util.getAllPages`). */
export async function getAllPages(reference: RemoteReference, method: string, ...args: unknown[]): Promise<unknown[]> {
  const pages: unknown[] = [];
  for await (const page of getPages(reference, method, ...args)) pages.push(page);
  return pages;
}
