// What a connection makes this process keep in memory for its peer, and the limits on it.

import type { HeapAllowance } from "@pb/banana";
import { LimitError } from "../errors.js";
import type { LimitName } from "../errors.js";
import type { BrokerLimits } from "../limits.js";
import { whenCollected } from "../references/weak-values.js";

/** What a call takes until it is answered, apart from its arguments. */
const CALL_BYTES = 1024;

/** The part of a limit that is kept for connections that take less than their share. */
const RESERVE = 1 / 4;

/** What the values of one message may take when the reserve is used up: enough for pings, logins, and small calls. */
export const LEAST_ROOM: number = 64 * 1024;

/** The values of a message of so many bytes take less than {@link LEAST_ROOM}: a byte becomes 80 at most. */
export const SMALL_MESSAGE_BYTES = 512;

/** What takes more memory than each limit allows, for error messages. */
const subjects = {
  messageHeapBytes: "The values of a message",
  connectionHeapBytes: "A message and the calls that are running",
  strangersHeapBytes: "A message and the peers that have not logged in",
  processHeapBytes: "A message and all connections together",
} as const;

type HeapLimit = keyof typeof subjects;

/** What the memory uses of the connection that owns it. */
export interface MemoryOwner {
  /** The connection takes too much: ends it. */
  exceeded(error: LimitError): void;
  /** Called with the limit of a pool when this connection needed memory beyond it. */
  memoryExceeded(limit: LimitName): void;
}

/** Memory that connections share. */
export class MemoryPool {
  readonly #name: LimitName;
  readonly #members = new Set<ConnectionMemory>();
  #used = 0;
  /** Whether the limit is exceeded although no connection takes more than its share. */
  #isExhausted = false;

  /** `name` is the limit on it. */
  constructor(name: LimitName) {
    this.#name = name;
  }

  join(member: ConnectionMemory): void {
    this.#members.add(member);
    this.#used += member.used;
  }

  /** `kept` are the bytes of the member that stay in use. {@link free} frees them. */
  leave(member: ConnectionMemory, kept = 0): void {
    if (this.#members.delete(member)) this.#used -= member.used - kept;
  }

  free(bytes: number): void {
    this.#used -= bytes;
  }

  /**
   * A member takes so many bytes more. Ends the connections that take most, until the rest is within the limit, or
   * until no connection takes more than its share: calls that are still running keep their memory.
   */
  add(member: ConnectionMemory, bytes: number, limit: number): void {
    if (!this.#members.has(member)) return; // It has ended.
    this.#used += bytes;
    if (bytes <= 0) return;
    if (this.#used <= limit) this.#isExhausted = false;
    const share = this.#shareOf(limit * RESERVE);
    if (this.#isExhausted && member.used <= share) return;
    if (this.#used > limit && !this.#isExhausted) member.reportExceeded(this.#name);
    while (this.#used > limit && !this.#isExhausted) this.#endLargest(limit, share);
  }

  /**
   * What the values of one message may take: what is left of the limit, or a share of the reserve beyond it, so that a
   * peer that takes little is served whatever the others take.
   */
  roomWithin(limit: number): number {
    const left = limit - this.#used;
    return left >= limit / 2 ? left : Math.max(left, this.#shareOf(left + limit * RESERVE), LEAST_ROOM);
  }

  #shareOf(bytes: number): number {
    return bytes / (this.#members.size + 1);
  }

  #endLargest(limit: number, share: number): void {
    let largest: ConnectionMemory | undefined;
    for (const member of this.#members) if (largest === undefined || member.used > largest.used) largest = member;
    if (largest === undefined || largest.used <= share) {
      this.#isExhausted = true;
      return;
    }
    const text = `All connections together take more than ${limit} bytes of memory, and this one most of it`;
    largest.exceed(new LimitError(this.#name, text));
  }
}

/** The memory of all connections of this process. */
const processPool = new MemoryPool("processHeapBytes");

/** Counts memory that belongs to no connection. Negative when it is freed. */
export function keepInProcess(bytes: number): void {
  processPool.free(-bytes);
}

/** The memory of calls that were running when their connection ended. */
interface Kept {
  bytes: number;
}

/** Frees the memory of calls that will never finish: nothing can settle their promises anymore. */
const collected = whenCollected<Kept>((kept) => processPool.free(kept.bytes));

/**
 * The memory that one connection takes for its peer: bytes that are not read, the values of the message that is being
 * read, and the arguments of calls until they are answered. The arguments of a call that is running stay in memory, and
 * are counted, also when the connection has ended. What a program keeps is not counted.
 */
export class ConnectionMemory {
  /**
   * The memory that is left for the values of the current message; `granted` is the whole of it, in bytes. {@link
   * startMessage} sets both.
   */
  readonly heap: HeapAllowance = { left: 0 };
  granted = 0;
  /** The size of the current message on the wire, in bytes. */
  messageBytes = 0;
  /** The limit that `granted` follows from. */
  #limit: HeapLimit = "processHeapBytes";
  /** What this connection allows for the next message. A field, because it is read for each message. */
  #room: number;
  readonly #limits: BrokerLimits;
  /** The pool of the peers that have not logged in, while this one is among them. */
  #strangers: MemoryPool | undefined;
  readonly #owner: MemoryOwner;
  #unread = 0;
  #running = 0;
  #used = 0;
  #kept: Kept | undefined;
  #isAnonymous = false;

  /** `strangers` is the pool of the peers that have not logged in, if this peer has to. */
  constructor(limits: BrokerLimits, strangers: MemoryPool | undefined, owner: MemoryOwner) {
    this.#limits = limits;
    this.#room = Math.min(limits.messageHeapBytes, limits.connectionHeapBytes);
    this.#strangers = strangers;
    this.#owner = owner;
    processPool.join(this);
    strangers?.join(this);
  }

  get used(): number {
    return this.#used;
  }

  /** Bytes that have arrived and were not read, and the values of a message that is read with pauses. */
  get unread(): number {
    return this.#unread;
  }

  /** Whether the values of every small message may take {@link LEAST_ROOM}, without a closer look. */
  get hasLeastRoom(): boolean {
    return this.#room >= LEAST_ROOM;
  }

  /** Decides what the values of the next message may take. */
  startMessage(): void {
    this.#grantRoom();
    this.heap.left = this.granted;
  }

  /** What values may take that a method makes of received bytes, such as those of a packed patch. */
  get room(): number {
    const { granted } = this;
    this.#grantRoom();
    const room = this.granted;
    this.granted = granted;
    return room;
  }

  #grantRoom(): void {
    const { messageHeapBytes, processHeapBytes, strangersHeapBytes } = this.#limits;
    this.granted = Infinity;
    this.#grant(this.#room, this.#room === messageHeapBytes ? "messageHeapBytes" : "connectionHeapBytes");
    if (this.#isAnonymous && this.#strangers !== undefined)
      this.#grant(this.#strangers.roomWithin(strangersHeapBytes), "strangersHeapBytes");
    this.#grant(processPool.roomWithin(processHeapBytes), "processHeapBytes");
  }

  #grant(room: number, limit: HeapLimit): void {
    if (room >= this.granted) return;
    this.granted = room;
    this.#limit = limit;
  }

  /** What the values of the message have taken so far. */
  get messageUsed(): number {
    return this.granted - this.heap.left;
  }

  /** Throws {@link LimitError} when the values of the message take more than they may: the connection has to end. */
  checkMessage(): void {
    if (this.heap.left < 0) throw this.#noRoom();
  }

  #noRoom(): LimitError {
    const limit = this.#limit;
    if (limit === "processHeapBytes" || limit === "strangersHeapBytes") this.reportExceeded(limit);
    return new LimitError(limit, `${subjects[limit]} take more than ${this.#limits[limit]} bytes of memory`);
  }

  /** Values that a method makes of received bytes take more than {@link room}, which was just looked at. */
  exceedRoom(): void {
    this.exceed(this.#noRoom());
  }

  /** A call is held that was read in a message of so many bytes. */
  holdCall(messageBytes: number): void {
    this.#add(messageBytes + CALL_BYTES);
  }

  releaseCall(messageBytes: number): void {
    this.#add(-messageBytes - CALL_BYTES);
  }

  /** A call runs that was read in a message of so many bytes. */
  startCall(messageBytes: number): void {
    this.#running += messageBytes + CALL_BYTES;
    this.#add(messageBytes + CALL_BYTES);
  }

  finishCall(messageBytes: number): void {
    const bytes = Math.min(messageBytes + CALL_BYTES, this.#running);
    this.#running -= bytes;
    this.#add(-bytes);
    if (this.#kept === undefined) return;
    const freed = Math.min(bytes, this.#kept.bytes);
    this.#kept.bytes -= freed;
    processPool.free(freed);
  }

  /** Sets {@link unread}. */
  setUnread(bytes: number): void {
    const more = bytes - this.#unread;
    this.#unread = bytes;
    this.#add(more);
  }

  /** The peer has logged in. If it is not trusted, it stays among the strangers, but may send large messages. */
  loggedIn(isTrusted: boolean): void {
    this.#isAnonymous = !isTrusted;
    if (!isTrusted) return;
    this.#strangers?.leave(this);
    this.#strangers = undefined;
  }

  /** The connection has ended, or will end soon. */
  release(): void {
    this.loggedIn(true);
    if (this.#kept !== undefined) return;
    this.#kept = { bytes: this.#running };
    processPool.leave(this, this.#running);
    if (this.#running > 0) collected?.register(this, this.#kept);
  }

  /** Ends the connection, soon: another connection may be in the middle of a message. */
  exceed(error: LimitError): void {
    this.release();
    queueMicrotask(() => this.#owner.exceeded(error));
  }

  /** Reports that a pool is exceeded, soon: this connection is in the middle of a message. */
  reportExceeded(limit: LimitName): void {
    queueMicrotask(() => this.#owner.memoryExceeded(limit));
  }

  #add(bytes: number): void {
    this.#used += bytes;
    const { messageHeapBytes, connectionHeapBytes, processHeapBytes, strangersHeapBytes } = this.#limits;
    this.#room = Math.min(messageHeapBytes, connectionHeapBytes - this.#used);
    processPool.add(this, bytes, processHeapBytes);
    this.#strangers?.add(this, bytes, strangersHeapBytes);
  }
}
