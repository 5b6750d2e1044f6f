// Decides when a connection is read and when its peer has to wait, so that no connection fills the memory or uses all
// of the CPU time, and so that two ends never wait for each other forever.

import type { LimitName } from "../errors.js";
import type { BrokerLimits } from "../limits.js";
import type { Link } from "./link.js";
import { inTurn } from "./turns.js";

/** The work of a ready connection, looked at before each message (the core of the connection has this shape). */
export interface Load {
  readonly outbox: {
    /** Bytes written and not yet passed to the link. */
    readonly size: number;
    /** Whether an answer for the peer has not left the process. */
    readonly hasUnsentAnswer: boolean;
  };
  readonly caller: {
    /** Calls of this end that wait for an answer, pings aside. */
    readonly inFlight: number;
  };
  readonly responder: {
    /** Calls of the peer that have not finished. */
    readonly running: number;
    /** Bytes of the calls that were read and wait for their turn. */
    readonly heldBytes: number;
    /** Whether a further call has to wait. Set by the backpressure. */
    mustHold: boolean;
  };
}

/** What the backpressure uses of the connection that owns it. */
export interface BackpressureOwner {
  /** Reads the bytes that have arrived and are not read yet. */
  read(): void;
  /** Sends a message without meaning: a sign of life. */
  keepAlive(): void;
  /**
   * Called with the limit when the peer is not read for {@link SIGN_OF_LIFE_MS} or longer, and with undefined when it
   * is read again.
   */
  paused(limit: LimitName | undefined): void;
}

/**
 * Bytes of held calls at which reading stops. Pings and answers behind fewer calls than that are still read. More of
 * them would only move what waits from the socket to the memory.
 */
const HELD_BYTES = 64 * 1024;

/**
 * Milliseconds between two signs of life while reading is stopped. A peer that expects an answer to its ping in a
 * second is not disappointed.
 */
const SIGN_OF_LIFE_MS = 250;

/**
 * Reading the clock takes as long as reading a short message. Messages that take less than {@link SHORT_MS} are read in
 * groups, at the end of which it is read. So few that the turn is over soon when the messages become slow. The clock is
 * not read before the second message of a turn, because most turns have only one (bench `one`).
 */
const MOST_UNCHECKED = 4;
const SHORT_MS = 0.5;

/**
 * A socket delivers up to 32 chunks in one turn of the event loop. What arrives so soon after a rest belongs to the
 * same turn of the connection.
 */
const REST_MS = 0.5;
/** Of a message of this size, no chunk is read without a look at the clock: it may take much longer than its length. */
const LONG_BYTES = 16 * 1024;

/**
 * Pauses and resumes one link.
 *
 * Calls that must wait are read and held in their order; everything else is handled at once. Reading stops when many
 * calls are held, unless this end itself waits for the peer. Two ends therefore never wait for each other: an end that
 * has stopped reading waits neither for an answer nor for room, so that its running calls finish by themselves; and
 * when it has stopped because of answers that have not left, the peer waits for these, and reads.
 */
export class Backpressure {
  readonly #owner: BackpressureOwner;
  readonly #link: Link;
  readonly #limits: BrokerLimits;
  /** The limit that was last passed to the owner. */
  #notedPause: LimitName | undefined;
  /** Undefined before the connection is ready and after its end. */
  #load: Load | undefined;
  #isPaused = false;
  /** Messages that may still be read in this turn. */
  #messagesLeft: number;
  /** When this turn ends, in milliseconds; undefined before the clock is read for the first time. */
  #turnEnd: number | undefined;
  /** When the clock was last read, after how many messages it is read again, and how many of them are left. */
  #lastCheck = 0;
  #unchecked = 1;
  #uncheckedLeft = 2;
  /** When everything that had arrived was read, if this turn has taken time; otherwise undefined. */
  #restedAt: number | undefined;
  #isYielding = false;
  /** Whether it yields until another connection is ready. */
  #isWaiting = false;
  #isResuming = false;
  /** Waits for room in the queue of the link, which the peer makes by reading. */
  #roomWaiters = 0;
  #signTimer: ReturnType<typeof setInterval> | undefined;

  constructor(owner: BackpressureOwner, link: Link, limits: BrokerLimits) {
    this.#owner = owner;
    this.#link = link;
    this.#limits = limits;
    this.#messagesLeft = limits.messagesPerTurn;
  }

  /** Sets the load, when the connection becomes ready; removes it at the end. */
  setLoad(load: Load | undefined): void {
    this.#load = load;
    if (load !== undefined) return;
    this.#notedPause = undefined; // The end of a connection does not resume it.
    this.#stopSigns();
  }

  /** Whether the next message may be read now. Counts it. */
  admitsMessage(): boolean {
    if (this.#restedAt !== undefined) this.#endRest(this.#restedAt);
    if (this.#isYielding || this.#isResuming || this.#regulateCalls() !== undefined) return false;
    if (this.#isTurnOver()) {
      this.#yield();
      return false;
    }
    this.#messagesLeft--;
    return true;
  }

  /**
   * Whether the next step of a long message may be done now. The load makes no difference: a message takes more memory
   * while it is read than when it is held.
   */
  admitsStep(): boolean {
    if (this.#isYielding || this.#isResuming) return false;
    this.#uncheckedLeft = 0;
    if (!this.#isTurnOver()) return true;
    this.#yield();
    return false;
  }

  /**
   * Stops reading until `enter` has called back, or has returned true. Signs of life are sent meanwhile, because that
   * may take long.
   */
  waitFor(enter: (resume: () => void) => boolean): void {
    const resume = (): void => {
      this.#isWaiting = false;
      inTurn(() => this.#endYield());
    };
    if (enter(resume)) return;
    this.#isWaiting = this.#isYielding = true;
    this.#startSigns();
  }

  #isTurnOver(): boolean {
    if (this.#messagesLeft <= 0) return true;
    if (--this.#uncheckedLeft > 0) return false;
    const now = performance.now();
    if (this.#turnEnd === undefined) this.#turnEnd = now + this.#limits.turnMs;
    else this.#unchecked = now - this.#lastCheck < SHORT_MS ? Math.min(2 * this.#unchecked, MOST_UNCHECKED) : 1;
    this.#uncheckedLeft = this.#unchecked;
    this.#lastCheck = now;
    return now > this.#turnEnd;
  }

  /** The limit because of which the peer is not read. Undefined while it is read, except for turns of others. */
  get pausedBy(): LimitName | undefined {
    const load = this.#load;
    if (load === undefined || load.responder.heldBytes <= HELD_BYTES) return undefined;
    return load.caller.inFlight + this.#roomWaiters > 0 ? undefined : this.#overloadedBy(load);
  }

  /** Pauses or resumes the link, as the load requires. */
  regulate(): void {
    const isOverloaded = this.#regulateCalls() !== undefined;
    if (isOverloaded) this.#startSigns();
    else if (!this.#isWaiting) this.#stopSigns();
    const mustPause = this.#isYielding || isOverloaded;
    if (mustPause !== this.#isPaused) {
      this.#isPaused = mustPause;
      if (mustPause) this.#link.pause();
      else this.#resume();
    } else if (!mustPause && this.#load !== undefined) {
      const { heldBytes, mustHold } = this.#load.responder;
      if (heldBytes > 0 && !mustHold) this.#readSoon(); // A held call may run now.
    }
  }

  /**
   * Everything that has arrived is read, and `unfinishedBytes` of a message. The turn of the connection goes on if it
   * has taken time and more arrives at once.
   */
  rest(unfinishedBytes: number): void {
    if (this.#turnEnd === undefined && unfinishedBytes < LONG_BYTES) {
      this.#startTurn();
      return;
    }
    this.#restedAt = performance.now();
    this.#turnEnd ??= this.#restedAt + this.#limits.turnMs;
  }

  #endRest(restedAt: number): void {
    this.#restedAt = undefined;
    if (performance.now() - restedAt > REST_MS) this.#startTurn();
    else this.#uncheckedLeft = 0;
  }

  #startTurn(): void {
    this.#messagesLeft = this.#limits.messagesPerTurn;
    this.#turnEnd = undefined;
    this.#uncheckedLeft = Math.max(this.#unchecked, 2);
  }

  /** This end waits until the peer has read what is queued, so the peer has to be read. Call the result at the end. */
  waitForRoom(): () => void {
    this.#roomWaiters++;
    this.regulate();
    return () => {
      this.#roomWaiters--;
      this.regulate();
    };
  }

  /** Notes whether further calls have to wait. Returns the limit because of which nothing is read, if there is one. */
  #regulateCalls(): LimitName | undefined {
    const load = this.#load;
    if (load === undefined) return undefined;
    load.responder.mustHold = this.#overloadedBy(load) !== undefined;
    return load.responder.mustHold ? this.pausedBy : undefined;
  }

  /** The limit because of which further calls have to wait. */
  #overloadedBy({ outbox, caller, responder }: Load): LimitName | undefined {
    const { queuedBytes, callsRunning, overload } = this.#limits;
    // An answer that this end waits for may depend on a call of the peer: each lets one more call run.
    const { running } = responder;
    if (running >= callsRunning && overload === "wait" && running >= callsRunning + caller.inFlight)
      return "callsRunning";
    // Only answers count: the peer waits for them, and therefore reads. Calls of this end are limited by the program.
    if (this.#link.queuedBytes + outbox.size > queuedBytes && outbox.hasUnsentAnswer) return "queuedBytes";
    return undefined;
  }

  #resume(): void {
    // Nothing is read within `resume`, even if the link delivers at once: the program may be in the middle of a call.
    this.#isResuming = true;
    this.#link.resume();
    this.#isResuming = false;
    this.#readSoon();
  }

  /** A method of its own, because each call of one with a closure allocates. */
  #readSoon(): void {
    queueMicrotask(() => this.#owner.read());
  }

  /** Lets other connections, timers and sockets run before this connection is read again. */
  #yield(): void {
    this.#isYielding = true;
    inTurn(() => this.#endYield());
  }

  #endYield(): void {
    this.#isYielding = false;
    this.#restedAt = undefined;
    this.#startTurn();
    this.#owner.read();
  }

  /**
   * While nothing is read, pings of the peer cannot be answered. A message without meaning shows that this end is
   * alive. Bytes that are queued show the same when they leave.
   */
  #startSigns(): void {
    this.#signTimer ??= setInterval(() => {
      if (this.#link.queuedBytes === 0) this.#owner.keepAlive();
      this.#notePause(this.pausedBy);
    }, SIGN_OF_LIFE_MS);
  }

  #notePause(limit: LimitName | undefined): void {
    if ((limit === undefined) === (this.#notedPause === undefined)) return;
    this.#notedPause = limit;
    this.#owner.paused(limit);
  }

  #stopSigns(): void {
    clearInterval(this.#signTimer);
    this.#signTimer = undefined;
    this.#notePause(undefined);
  }
}
