// What is open in a conversation: calls without an answer, references and caches.

import type { ObjectId, Origin, PendingCall, RequestId } from "./messages.js";

/** Entries of one table. Further ones are counted, and not remembered. */
const MOST_ENTRIES = 65_536;

/** An object of one side that the other side holds. */
export interface Held {
  readonly id: number;
  /** The number of references that were sent and not given back. */
  count: number;
  readonly sinceMs: number;
  readonly origin: Origin;
}

/** The objects of one kind that one side has sent. */
export class HeldObjects {
  readonly #held = new Map<number, Held>();
  /** The largest number of objects at a time. */
  most = 0;
  /** Objects that are not in the table, because it is full. */
  forgotten = 0;

  add(id: number, timeMs: number, origin: Origin): void {
    const held = this.#held.get(id);
    if (held !== undefined) held.count++;
    else if (this.#held.size === MOST_ENTRIES) this.forgotten++;
    else {
      this.#held.set(id, { id, count: 1, sinceMs: timeMs, origin });
      this.most = Math.max(this.most, this.#held.size);
    }
  }

  get(id: ObjectId): Held | undefined {
    return typeof id === "number" ? this.#held.get(id) : undefined;
  }

  /** One reference less. Returns the object if it was known. */
  release(id: ObjectId): Held | undefined {
    const held = this.get(id);
    if (held !== undefined && --held.count <= 0) this.#held.delete(held.id);
    return held;
  }

  delete(id: ObjectId): Held | undefined {
    const held = this.get(id);
    if (held !== undefined) this.#held.delete(held.id);
    return held;
  }

  get size(): number {
    return this.#held.size;
  }

  [Symbol.iterator](): IterableIterator<Held> {
    return this.#held.values();
  }
}

/** A call, and what `pbx` has said about it. */
export interface OpenCall extends PendingCall {
  isCanceled: boolean;
  /** Milliseconds since the start at which its deadline is over. */
  deadlineMs: number | undefined;
}

/** The calls of one side that want an answer. */
export class OpenCalls {
  readonly #calls = new Map<RequestId, OpenCall>();
  /** Deadlines that were announced for calls that follow. */
  readonly #deadlines = new Map<RequestId, number>();
  /** Calls that are not in the table, because it is full. */
  forgotten = 0;

  /** `key` is the id on the wire: the one of the call is what is shown of it. */
  add({ id, isCache, target, origin, method, timeMs, size }: PendingCall, key: RequestId): void {
    const seconds = this.#deadlines.size === 0 ? undefined : this.#deadlines.get(key);
    if (seconds !== undefined) this.#deadlines.delete(key);
    if (this.#calls.size === MOST_ENTRIES) {
      this.forgotten++;
      return;
    }
    const deadlineMs = seconds === undefined ? undefined : timeMs + seconds * 1000;
    this.#calls.set(key, { id, isCache, target, origin, method, timeMs, size, isCanceled: false, deadlineMs });
  }

  take(id: RequestId): OpenCall | undefined {
    const call = this.#calls.get(id);
    if (call !== undefined) this.#calls.delete(id);
    return call;
  }

  cancel(id: RequestId): void {
    const call = this.#calls.get(id);
    if (call !== undefined) call.isCanceled = true;
  }

  /** Notes the deadline of a call that follows, in seconds. */
  announceDeadline(id: RequestId, seconds: number): void {
    if (this.#deadlines.size >= MOST_NOTES) this.#deadlines.delete(this.#deadlines.keys().next().value!);
    this.#deadlines.set(id, seconds);
  }

  get size(): number {
    return this.#calls.size;
  }

  [Symbol.iterator](): IterableIterator<OpenCall> {
    return this.#calls.values();
  }
}

/** Notes whose call has not arrived, as many as a receiver keeps. */
const MOST_NOTES = 64;
