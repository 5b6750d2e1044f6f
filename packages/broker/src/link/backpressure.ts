// Decides when a connection is read and when its peer has to wait, so that no connection fills the memory or uses all
// of the CPU time.

import type { BrokerLimits } from "../limits.js";
import type { Link } from "./link.js";

/** The work of a ready connection, looked at before each message (the core of the connection has this shape). */
export interface Load {
  /** `size`: bytes written and not yet passed to the link. */
  readonly outbox: { readonly size: number };
  /** `inFlight`: calls of this end that wait for an answer, pings aside. */
  readonly caller: { readonly inFlight: number };
  /** `running`: calls of the peer that have not finished. */
  readonly responder: { readonly running: number };
}

/** Pauses and resumes one link. */
export class Backpressure {
  readonly #link: Link;
  readonly #limits: BrokerLimits;
  readonly #read: () => void;
  /** Undefined before the connection is ready and after its end. */
  #load: Load | undefined;
  #isPaused = false;
  /** Messages that may still be read in this turn. */
  #messagesLeft: number;
  #isYielding = false;
  #isResuming = false;

  /** `read` reads the bytes that have arrived and are not read yet. */
  constructor(link: Link, limits: BrokerLimits, read: () => void) {
    this.#link = link;
    this.#limits = limits;
    this.#read = read;
    this.#messagesLeft = limits.messagesPerTurn;
  }

  /** Sets the load, when the connection becomes ready; removes it at the end. */
  setLoad(load: Load | undefined): void {
    this.#load = load;
  }

  /** Whether the next message may be read now. Counts it. */
  admitsMessage(): boolean {
    if (this.#isYielding || this.#isResuming || this.#isOverloaded()) return false;
    if (this.#messagesLeft > 0) {
      this.#messagesLeft--;
      return true;
    }
    this.#yield();
    return false;
  }

  /** Pauses or resumes the link, as the load requires. */
  regulate(): void {
    const mustPause = this.#isYielding || this.#isOverloaded();
    if (mustPause === this.#isPaused) return;
    this.#isPaused = mustPause;
    if (mustPause) {
      this.#link.pause();
    } else {
      // Nothing is read within `resume`, even if the link delivers at once: the program may be in the middle of a call.
      this.#isResuming = true;
      this.#link.resume();
      this.#isResuming = false;
      queueMicrotask(this.#read);
    }
  }

  /** Allows a full turn of messages again. Called when there is nothing left to read, which ends the turn. */
  startTurn(): void {
    this.#messagesLeft = this.#limits.messagesPerTurn;
  }

  /**
   * While calls of this end wait for answers, the broker reads in any case: two ends that both stopped reading would
   * wait for each other forever.
   */
  #isOverloaded(): boolean {
    const load = this.#load;
    if (load === undefined || load.caller.inFlight > 0) return false;
    const { queuedBytes, callsRunning, overload } = this.#limits;
    if (this.#link.queuedBytes + load.outbox.size > queuedBytes) return true;
    return overload === "wait" && load.responder.running >= callsRunning;
  }

  /** Lets other connections, timers and sockets run before this connection is read again. */
  #yield(): void {
    this.#isYielding = true;
    setTimeout(() => {
      this.#isYielding = false;
      this.startTurn();
      this.#read();
    });
  }
}
