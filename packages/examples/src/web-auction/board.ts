// What everybody in the auction sees, and its copy in each page. Used by the server and by the page.

import { broadcast, Cacheable, RemoteCache, remoteCache } from "@pb/broker";
import type { CacheObserver, Perspective } from "@pb/broker";
import { TypeRegistry } from "@pb/jelly-types";

export interface BoardState {
  readonly lot: string;
  readonly price: number;
  /** The highest bidder, if there is one. */
  readonly leader: string | null;
  /** Milliseconds until the lot is sold, and in all. Clocks are never compared. */
  readonly msLeft: number;
  readonly lotMs: number;
  readonly bidders: readonly { readonly name: string; readonly isHere: boolean }[];
  /** The latest sales, the newest first. */
  readonly sales: readonly string[];
}

/** Keeps a copy in each page up to date. */
export class Board extends Cacheable {
  static readonly remoteType = "auction.Board";
  readonly #state: () => BoardState;
  readonly #observers = new Set<CacheObserver<BoardCopy>>();

  constructor(state: () => BoardState) {
    super();
    this.#state = state;
  }

  changed(): void {
    broadcast(this.#observers, "state", this.#state());
  }

  override getStateToCacheAndObserveFor(_perspective: Perspective, observer: CacheObserver<BoardCopy>): BoardState {
    this.#observers.add(observer);
    return this.#state();
  }

  override stoppedObserving(_perspective: Perspective, observer: CacheObserver<BoardCopy>): void {
    this.#observers.delete(observer);
  }
}

export class BoardCopy extends RemoteCache {
  #state!: BoardState;
  #watcher: ((state: BoardState) => void) | undefined;

  /** Calls `watcher` with the state now and after each change. */
  watch(watcher: (state: BoardState) => void): void {
    this.#watcher = watcher;
    watcher(this.#state);
  }

  override setCopyableState(state: BoardState): void {
    this.observe_state(state);
  }

  observe_state(state: BoardState): void {
    this.#state = state;
    this.#watcher?.(state);
  }
}

export const types = new TypeRegistry().register(remoteCache(Board.remoteType, BoardCopy));
