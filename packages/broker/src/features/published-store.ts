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

/** Keeps states in the memory of the process. */
export class MemoryStore implements PublishedStore {
  readonly #maxBytes: number;
  /** The state that was saved longest ago is the first. */
  readonly #states = new Map<string, Uint8Array>();
  #bytes = 0;

  /**
   * Keeps at most `maxBytes` bytes of states, by default 64 MiB, because the peer decides how many objects it
   * publishes. The state that was saved longest ago is forgotten first.
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
    this.#states.set(key, state);
    this.#bytes += state.length;
    for (const oldest of this.#states.keys()) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#forget(oldest);
    }
  }

  #forget(key: string): void {
    this.#bytes -= this.#states.get(key)?.length ?? 0;
    this.#states.delete(key);
  }
}
