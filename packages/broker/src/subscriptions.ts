// Sets of callbacks that can be unsubscribed.

import { onDispose } from "@pb/banana";

/** Callbacks with the parameters `Args`, called in the order in which they subscribed. */
export class Subscriptions<Args extends readonly unknown[]> {
  /** One entry per subscription, so that the same function can subscribe more than once. */
  readonly #entries = new Set<{ readonly callback: (...args: Args) => void }>();

  /** Adds a callback. Dispose of the result to remove it. Throws `TypeError` for what is not a function. */
  add(callback: (...args: Args) => void): Disposable {
    requireCallback(callback);
    const entry = { callback };
    this.#entries.add(entry);
    return onDispose(() => void this.#entries.delete(entry));
  }

  /**
   * The callbacks that are subscribed. One that is removed before its turn is left out; one that is added meanwhile
   * comes last.
   */
  *[Symbol.iterator](): IterableIterator<(...args: Args) => void> {
    for (const { callback } of this.#entries) yield callback;
  }

  /** Removes and returns the callbacks that are subscribed now. One that is removed before its turn is left out. */
  *takeAll(): IterableIterator<(...args: Args) => void> {
    for (const entry of [...this.#entries]) if (this.#entries.delete(entry)) yield entry.callback;
  }
}

/**
 * Throws `TypeError` unless the callback is a function. It is called only when its event happens, where an error would
 * not show which subscription is wrong.
 */
export function requireCallback(callback: unknown): void {
  if (typeof callback !== "function") throw new TypeError("The callback must be a function");
}
