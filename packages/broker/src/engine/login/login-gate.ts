// Holds back calls of this end while it logs in: a server may read little from a peer that has not logged in, and end
// the connection of one that sends more.

import { startDeadline } from "../../deadline.js";
import type { DeadlineOptions } from "../../deadline.js";
import { callTimeout } from "../../errors.js";

/** Sends the calls that are made within a function at once. */
export type Pass = <T>(calls: () => T) => T;

/** A call that waits. */
interface HeldCall {
  send(): void;
  reject(reason: Error): void;
}

/** The calls of one connection that wait for a login. */
export class LoginGate {
  readonly #mayWait: () => boolean;
  readonly #held = new Set<HeldCall>();
  /** Logins in progress. */
  #logins = 0;
  #isPassing = false;
  #hasLoggedIn = false;

  /** `mayWait` tells whether the call that is made now may wait: the peer does not wait for it itself. */
  constructor(mayWait: () => boolean) {
    this.#mayWait = mayWait;
  }

  /** The number of calls that wait. */
  get size(): number {
    return this.#held.size;
  }

  /** Whether the call that is made now has to wait. */
  get isClosed(): boolean {
    return this.#logins > 0 && !this.#hasLoggedIn && !this.#isPassing && this.#mayWait();
  }

  /** Runs a login, which makes its own calls within the function that it is given. */
  async during<T>(login: (pass: Pass) => Promise<T>): Promise<T> {
    this.#logins++;
    try {
      const result = await login((calls) => this.#pass(calls));
      this.#hasLoggedIn = true;
      return result;
    } finally {
      this.#logins--;
      if (this.#hasLoggedIn || this.#logins === 0) this.#sendHeld();
    }
  }

  /**
   * Holds a call back. `send` makes it, with the time that is left. Rejects instead when the deadline expires, or with
   * the reason of {@link end}.
   */
  hold(method: string, deadline: DeadlineOptions, send: (left: DeadlineOptions) => Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const start = performance.now();
      const { signal, timeoutMs } = deadline;
      const held: HeldCall = {
        send: () => {
          timer.clear();
          const left = timeoutMs === undefined ? undefined : Math.max(timeoutMs - (performance.now() - start), 0);
          send({ signal, timeoutMs: left }).then(resolve, reject);
        },
        reject: (reason) => {
          timer.clear();
          reject(reason);
        },
      };
      this.#held.add(held);
      const timer = startDeadline(
        deadline,
        (milliseconds) => callTimeout(method, milliseconds),
        (reason) => {
          this.#held.delete(held);
          reject(reason);
        },
      );
    });
  }

  /** Holds back a call that has no answer. `reject` is called instead of `send` with the reason of {@link end}. */
  holdSend(send: () => void, reject: (reason: Error) => void): void {
    this.#held.add({ send, reject });
  }

  /** The connection has ended. */
  end(reason: Error): void {
    const held = [...this.#held];
    this.#held.clear();
    for (const call of held) call.reject(reason);
  }

  #pass<T>(calls: () => T): T {
    this.#isPassing = true;
    try {
      return calls();
    } finally {
      this.#isPassing = false;
    }
  }

  #sendHeld(): void {
    const held = [...this.#held];
    this.#held.clear();
    for (const call of held) call.send();
  }
}
