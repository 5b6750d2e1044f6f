// What a connection makes this process keep in memory for its peer, and the limits on it.

import type { HeapAllowance } from "@pb/banana";
import { LimitError } from "../errors.js";
import type { LimitName } from "../errors.js";
import type { BrokerLimits } from "../limits.js";

/** What a call takes until it is answered, apart from its arguments. */
const CALL_BYTES = 1024;

/** Memory that connections share. */
export class MemoryPool {
  readonly #name: LimitName;
  readonly #members = new Set<ConnectionMemory>();
  #used = 0;

  /** `name` is the limit on it. */
  constructor(name: LimitName) {
    this.#name = name;
  }

  join(member: ConnectionMemory): void {
    this.#members.add(member);
    this.#used += member.used;
  }

  leave(member: ConnectionMemory): void {
    if (this.#members.delete(member)) this.#used -= member.used;
  }

  /** A member takes so many bytes more. Ends the connections that take most, until the rest is within the limit. */
  add(member: ConnectionMemory, bytes: number, limit: number): void {
    if (!this.#members.has(member)) return; // It has ended.
    this.#used += bytes;
    while (bytes > 0 && this.#used > limit && this.#members.size > 0) this.#endLargest(limit);
  }

  #endLargest(limit: number): void {
    let largest: ConnectionMemory | undefined;
    for (const member of this.#members) if (largest === undefined || member.used > largest.used) largest = member;
    this.leave(largest!);
    const text = `All connections together take more than ${limit} bytes of memory, and this one most of it`;
    largest!.exceed(new LimitError(this.#name, text));
  }
}

/** The memory of all connections of this process. */
const processPool = new MemoryPool("processHeapBytes");

/**
 * The memory that one connection takes for its peer: bytes that are not read, the values of the message that is being
 * read, and the arguments of calls until they are answered. What a program keeps is not counted.
 */
export class ConnectionMemory {
  /** What the values of the message that is being read may still take. Set it to {@link room} before each message. */
  readonly heap: HeapAllowance = { left: 0 };
  /** What the values of the next message may take. A field, because it is read for each message. */
  room: number;
  readonly #limits: BrokerLimits;
  readonly #strangers: MemoryPool | undefined;
  readonly #end: (error: LimitError) => void;
  #unread = 0;
  #used = 0;

  /**
   * `strangers` is the pool of the peers that have not logged in, if this peer has to. `end` ends the connection.
   */
  constructor(limits: BrokerLimits, strangers: MemoryPool | undefined, end: (error: LimitError) => void) {
    this.#limits = limits;
    this.room = Math.min(limits.messageHeapBytes, limits.connectionHeapBytes);
    this.#strangers = strangers;
    this.#end = end;
    processPool.join(this);
    strangers?.join(this);
  }

  get used(): number {
    return this.#used;
  }

  /** Bytes that have arrived and were not read. */
  get unread(): number {
    return this.#unread;
  }

  /** Throws {@link LimitError} when the values of the message take more than they may: the connection has to end. */
  checkMessage(): void {
    if (this.heap.left >= 0) return;
    const isMessage = this.room === this.#limits.messageHeapBytes;
    const name = isMessage ? "messageHeapBytes" : "connectionHeapBytes";
    const subject = isMessage ? "The values of a message" : "A message and the calls that are running";
    throw new LimitError(name, `${subject} take more than ${this.#limits[name]} bytes of memory`);
  }

  /** A call runs, or is held, that was read in a message of so many bytes. */
  addCall(messageBytes: number): void {
    this.#add(messageBytes + CALL_BYTES);
  }

  removeCall(messageBytes: number): void {
    this.#add(-messageBytes - CALL_BYTES);
  }

  /** Sets {@link unread}. */
  setUnread(bytes: number): void {
    const more = bytes - this.#unread;
    this.#unread = bytes;
    this.#add(more);
  }

  /** The peer has logged in. */
  loggedIn(): void {
    this.#strangers?.leave(this);
  }

  /** The connection has ended. */
  release(): void {
    this.loggedIn();
    processPool.leave(this);
  }

  /** Ends the connection, soon: another connection may be in the middle of a message. */
  exceed(error: LimitError): void {
    queueMicrotask(() => this.#end(error));
  }

  #add(bytes: number): void {
    this.#used += bytes;
    const { messageHeapBytes, connectionHeapBytes, processHeapBytes, strangersHeapBytes } = this.#limits;
    this.room = Math.min(messageHeapBytes, connectionHeapBytes - this.#used);
    processPool.add(this, bytes, processHeapBytes);
    this.#strangers?.add(this, bytes, strangersHeapBytes);
  }
}
