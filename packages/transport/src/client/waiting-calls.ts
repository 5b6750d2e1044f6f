// The calls of a reconnecting client that wait for a connection.

import { NotConnectedError } from "../errors.js";
import type { Bindable } from "./binding.js";
import { readyOrError } from "./reconnect-state.js";
import type { ReadyState, ReconnectState } from "./reconnect-state.js";

/** A call that waits for a connection. */
interface Waiter<T> {
  readonly resolve: (state: ReadyState<T>) => void;
  readonly reject: (error: Error) => void;
  /** What is bound before any call that waits is sent. */
  readonly binding: Bindable | undefined;
}

export class WaitingCalls<T> {
  readonly #waiters = new Set<Waiter<T>>();

  /** Resolves with the state `ready` when it is reached. Stops waiting, and never settles, when `signal` aborts. */
  wait(signal: AbortSignal, binding: Bindable | undefined): Promise<ReadyState<T>> {
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject, binding };
      this.#waiters.add(waiter);
      signal.addEventListener("abort", () => this.#waiters.delete(waiter), { once: true });
    });
  }

  /** Settles all calls in their order, if they need not wait in this state. */
  settle(state: ReconnectState<T>): void {
    const outcome = readyOrError(state, "wait");
    if (outcome === undefined) return;
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    if (!(outcome instanceof NotConnectedError))
      for (const binding of new Set(waiters.map((waiter) => waiter.binding)))
        binding?.bindOn(outcome).catch(() => undefined); // The calls that wait for it get the error.
    for (const { resolve, reject } of waiters) {
      if (outcome instanceof NotConnectedError) reject(outcome);
      else resolve(outcome);
    }
  }

  /** Rejects the calls that wait for a binding that has ended. */
  rejectEnded(error: Error): void {
    for (const waiter of this.#waiters)
      if (waiter.binding?.hasEnded === true && this.#waiters.delete(waiter)) waiter.reject(error);
  }
}
