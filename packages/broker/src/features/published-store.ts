// Where the states of published objects are kept between connections.

import { checkNumber } from "@pb/jelly-types";

/**
 * Keeps states between connections, as bytes under text keys. A key is 64 hexadecimal digits in lower case, and so a
 * safe name of a file. The methods may be synchronous. When one fails, the error is reported to `onEvent`, and the
 * state is requested from the peer.
 */
export interface PublishedStore {
  load(key: string): Promise<Uint8Array | undefined> | Uint8Array | undefined;
  save(key: string, state: Uint8Array): Promise<void> | void;
}

/** What a state costs besides its bytes: its key, its view, and its entry in the table (measured: 500 to 600 bytes). */
const STATE_COST = 512;

/** Keeps states in the memory of the process. */
export class MemoryStore implements PublishedStore {
  readonly #maxBytes: number;
  /** The state that was saved longest ago is the first. */
  readonly #states = new Map<string, Uint8Array>();
  #bytes = 0;

  /**
   * Keeps states that take at most `maxBytes` bytes, by default 64 MiB, because the peer decides how many objects it
   * publishes. Each state counts as 512 bytes more than it has. The state that was saved longest ago is forgotten
   * first. A state that is too large for the store is not kept, and no other one is forgotten for it.
   */
  constructor(maxBytes: number = 64 * 1024 * 1024) {
    checkNumber("maxBytes", maxBytes, { least: 0 });
    this.#maxBytes = maxBytes;
  }

  load(key: string): Uint8Array | undefined {
    return this.#states.get(key);
  }

  save(key: string, state: Uint8Array): void {
    this.#forget(key);
    const cost = STATE_COST + state.length;
    if (cost > this.#maxBytes) return;
    this.#states.set(key, state);
    this.#bytes += cost;
    for (const oldest of this.#states.keys()) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#forget(oldest);
    }
  }

  #forget(key: string): void {
    const state = this.#states.get(key);
    if (state === undefined) return;
    this.#bytes -= STATE_COST + state.length;
    this.#states.delete(key);
  }
}
