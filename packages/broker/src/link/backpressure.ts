// When to read on and when to let the peer wait: so that no connection fills the memory or takes all of the time.

import type { Link } from "./link.js";
import type { BrokerLimits } from "../limits.js";

/** What the flow depends on, as it is whenever it is looked at. */
export interface Load {
  /** Bytes written and not sent. */
  readonly queuedBytes: number;
  /** Calls of ours that wait for an answer, pings aside. */
  readonly callsWaiting: number;
  /** Calls of the peer whose methods have not finished. */
  readonly callsRunning: number;
}

const NOTHING: Load = { queuedBytes: 0, callsWaiting: 0, callsRunning: 0 };

/** Pauses and resumes one link. */
export class Flow {
  readonly #link: Link;
  readonly #limits: BrokerLimits;
  /** Looked at for every message: nothing is made for it (bench `one-way`). */
  #load: Load = NOTHING;
  readonly #read: () => void;
  #isPaused = false;
  /** Messages that may still be read before others get their turn. */
  #allowance: number;
  #isYielding = false;
  #isResuming = false;

  /** `read` reads on, from what arrived and was not read. */
  constructor(link: Link, limits: BrokerLimits, read: () => void) {
    this.#link = link;
    this.#limits = limits;
    this.#read = read;
    this.#allowance = limits.messagesPerTurn;
  }

  /** Both ends can call: `load` says what is going on. */
  begin(load: Load): void {
    this.#load = load;
  }

  /** The connection is over: lets go of what was going on. */
  end(): void {
    this.#load = NOTHING;
  }

  /** Whether the next message may be read now. Counts it. */
  admits(): boolean {
    if (this.#isYielding || this.#isResuming || this.#isTooMuch()) return false;
    if (this.#allowance > 0) {
      this.#allowance--;
      return true;
    }
    this.#yield();
    return false;
  }

  /** Pauses or resumes the link, as the load says. */
  regulate(): void {
    const mustPause = this.#isYielding || this.#isTooMuch();
    if (mustPause === this.#isPaused) return;
    this.#isPaused = mustPause;
    if (mustPause) {
      this.#link.pause();
    } else {
      // Nothing is read now, also if the link delivers at once: the program may be in the middle of a call.
      this.#isResuming = true;
      this.#link.resume();
      this.#isResuming = false;
      queueMicrotask(this.#read);
    }
  }

  /** A turn of the event loop is over when nothing is left to read. */
  rest(): void {
    this.#allowance = this.#limits.messagesPerTurn;
  }

  /**
   * While answers to calls of ours are to come, they are read whatever waits: two ends that both stopped reading would wait for each other for
   * ever.
   */
  #isTooMuch(): boolean {
    if (this.#load.callsWaiting > 0) return false;
    const { queuedBytes, callsRunning, overload } = this.#limits;
    return this.#load.queuedBytes > queuedBytes || (overload === "wait" && this.#load.callsRunning >= callsRunning);
  }

  /** Lets other connections, timers and sockets have their turn before more is read. */
  #yield(): void {
    this.#isYielding = true;
    setTimeout(() => {
      this.#isYielding = false;
      this.rest();
      this.#read();
    });
  }
}
