// What a user interface uses of live state: a snapshot, and a subscription to changes.

import { dispose, onDispose } from "@pb/jelly-types";
import { Subscriptions } from "@pb/broker/extension";

/**
 * The status of a {@link LiveSource}.
 *
 * - `waiting`: there is no state yet.
 * - `live`: the state is kept in step with the server.
 * - `stale`: the state is the last one: the connection has ended, a patch could not be applied, or the server has lost
 *   the system that its cluster shares.
 * - `gone`: nothing more comes: the server has ended the view, the state could not be requested, or it was disposed of.
 */
export type LiveStatus = "waiting" | "live" | "stale" | "gone";

/** A value that changes, for user interfaces: `useSyncExternalStore` of React, signals, stores. */
export interface LiveSource<T> {
  /** The current value: the same object as long as it has not changed. Undefined while there is none. */
  getSnapshot(): T | undefined;
  /**
   * Calls `listener` at the end of each turn in which the snapshot or the status has changed, at most once. Returns a
   * function that unsubscribes. An error that a listener throws becomes an uncaught exception.
   */
  subscribe(listener: () => void): () => void;
  /** Whether the snapshot is kept in step with the server. */
  readonly status: LiveStatus;
}

/** The listeners of a source. */
export class Listeners {
  readonly #listeners = new Subscriptions<[]>();
  readonly #hasChanged: () => boolean;
  #size = 0;
  #isScheduled = false;

  /** `hasChanged` is asked before the listeners are called. They are not called when it returns false. */
  constructor(hasChanged: () => boolean = () => true) {
    this.#hasChanged = hasChanged;
  }

  get size(): number {
    return this.#size;
  }

  /** Adds a listener. `removed` is called when it was removed. */
  add(listener: () => void, removed?: () => void): () => void {
    const subscription = this.#listeners.add(listener);
    this.#size++;
    const once = onDispose(() => {
      subscription[dispose]();
      this.#size--;
      removed?.();
    });
    let isActive = true;
    return () => {
      if (isActive) once[dispose]();
      isActive = false;
    };
  }

  /** Calls all listeners at the end of this turn, once. */
  notify(): void {
    if (this.#isScheduled || this.#size === 0) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      if (!this.#hasChanged()) return;
      for (const listener of this.#listeners) call(listener);
    });
  }
}

/** Calls a listener of the program. Its error does not reach the connection or other listeners. */
function call(listener: () => void): void {
  try {
    listener();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
