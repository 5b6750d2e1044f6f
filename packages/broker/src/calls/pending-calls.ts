// Calls of ours that wait for an answer.

import { Numbered } from "./id-ring.js";

/** What happens when the answer comes. */
export interface PendingCall {
  readonly id: number;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
  /** Whatever must stay alive until then: the reference that was called. */
  readonly pins: unknown;
  /** For whom references in the answer are read. */
  readonly perspective: object | null;
  /** Asked for a sign of life only: nobody's work waits for it. */
  readonly isPing?: boolean | undefined;
}

export class Calls {
  readonly #pending = new Numbered<PendingCall>();
  #pings = 0;
  #lastId = 0;
  #idle: (() => void)[] = [];

  get size(): number {
    return this.#pending.size;
  }

  /** Calls without an answer, pings aside. */
  get working(): number {
    return this.#pending.size - this.#pings;
  }

  /** The next request id. Also used by calls that want no answer. */
  nextId(): number {
    return ++this.#lastId;
  }

  /** Takes back an id that was not sent, unless another was taken since. */
  unuse(id: number): void {
    if (this.#lastId === id) this.#lastId--;
  }

  add(call: PendingCall): void {
    this.#pending.add(call);
    if (call.isPing === true) this.#pings++;
  }

  /** The call with that id, which is then no longer pending. */
  take(id: unknown): PendingCall | undefined {
    if (typeof id !== "number") return undefined;
    const call = this.#pending.take(id);
    if (call?.isPing === true) this.#pings--;
    this.#checkIdle();
    return call;
  }

  /** Takes all, in the order they were made. */
  takeAll(): PendingCall[] {
    const calls = this.#pending.takeAll();
    this.#pings = 0;
    this.#checkIdle();
    return calls;
  }

  /** Resolves when no answer is missing, except to pings. */
  idle(): Promise<void> {
    return this.working === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  #checkIdle(): void {
    if (this.working === 0 && this.#idle.length > 0) for (const resolve of this.#idle.splice(0)) resolve();
  }
}
