// Watches over a connection: keeps NATs from forgetting it, and ends it when the other end is dead. Needs nothing from the peer but the protocol.

import { LONGEST_MS } from "@pb/broker/extension";
import type { Broker } from "@pb/broker";
import type { Pulse } from "./socket-link.js";

export interface LivenessOptions {
  /**
   * Milliseconds between two pings. Default 25,000: the NATs and load balancers that are in a hurry forget a connection after 30 seconds. A ping is
   * a call to an object that does not exist: 20 bytes, which every peer answers and a stock Twisted does not log.
   */
  readonly intervalMs?: number | undefined;
  /**
   * Milliseconds of silence after a ping until the peer is taken for dead, and the connection ends with the reason `unresponsive`. Any byte counts as
   * life, and so does any that leaves while the ping still waits in line. Default 30,000: a peer whose event loop is busy for that long is of no use.
   */
  readonly answerMs?: number | undefined;
}

export const defaultLiveness: { readonly intervalMs: number; readonly answerMs: number } = Object.freeze({
  intervalMs: 25_000,
  answerMs: 30_000,
});

/** How often a waiting for an answer looks at the clock, in parts of `answerMs`. */
const LOOKS = 8;

/** Begins when the connection is ready, and stops when it is over or the result is disposed of. Does not keep the process alive. */
export function watchOver(broker: Broker, pulse: Pulse, options: LivenessOptions = {}): Disposable {
  const intervalMs = options.intervalMs ?? defaultLiveness.intervalMs;
  const answerMs = options.answerMs ?? defaultLiveness.answerMs;
  const watch = new Watch(broker, pulse, intervalMs, answerMs);
  broker.notifyOnDisconnect(() => watch[Symbol.dispose]());
  void broker.ready.then(
    () => watch.start(),
    () => undefined,
  );
  return watch;
}

type State =
  | { readonly is: "resting" }
  /** A ping is on its way since `since`; it has left the process when `leftBytes` reaches `mark`. */
  | { readonly is: "waiting"; since: number; mark: number; hasLeft: boolean; lastLook: number; isLastChance: boolean };

class Watch implements Disposable {
  readonly #broker: Broker;
  readonly #pulse: Pulse;
  readonly #intervalMs: number;
  readonly #answerMs: number;
  #interval: NodeJS.Timeout | undefined;
  #looks: NodeJS.Timeout | undefined;
  #isOver = false;
  #state: State = { is: "resting" };

  constructor(broker: Broker, pulse: Pulse, intervalMs: number, answerMs: number) {
    this.#broker = broker;
    this.#pulse = pulse;
    this.#intervalMs = intervalMs;
    this.#answerMs = answerMs;
  }

  start(): void {
    if (this.#isOver) return;
    this.#interval = setInterval(() => this.#tick(), Math.min(this.#intervalMs, LONGEST_MS)).unref();
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    clearInterval(this.#interval);
    this.#rest();
  }

  #tick(): void {
    // A slow peer gets no second question before it has answered the first: six bytes that need no answer do for the NAT.
    if (this.#state.is === "waiting") this.#broker.keepAlive();
    else this.#ask();
  }

  #ask(): void {
    const answered = this.#broker.ping();
    const now = performance.now();
    const state: State = {
      is: "waiting",
      since: now,
      mark: Infinity,
      hasLeft: false,
      lastLook: now,
      isLastChance: false,
    };
    this.#state = state;
    // What is written leaves the broker at the end of the turn; then the ping is among what was sent.
    setImmediate(() => (state.mark = this.#pulse.sentBytes));
    this.#looks = setInterval(() => this.#look(state), Math.min(this.#answerMs / LOOKS, LONGEST_MS)).unref();
    const done = (): void => {
      if (this.#state === state) this.#rest();
    };
    answered.then(done, done);
  }

  #rest(): void {
    clearInterval(this.#looks);
    this.#state = { is: "resting" };
  }

  #look(state: Extract<State, { is: "waiting" }>): void {
    const now = performance.now();
    const { lastReceived, lastLeft, leftBytes, sentBytes, isPaused } = this.#pulse;
    // We have slept ourselves, or were busy: that is nothing the peer did.
    if (now - state.lastLook > (2 * this.#answerMs) / LOOKS + 500) state.since = now;
    state.lastLook = now;
    if (!state.hasLeft) {
      state.since = Math.max(state.since, lastLeft);
      state.hasLeft = leftBytes >= state.mark;
    }
    // An answer that we do not read is not missing. All that still tells is whether the peer takes what waits for it.
    if (isPaused === true) state.since = leftBytes < sentBytes ? Math.max(state.since, lastLeft) : now;
    if (now - Math.max(state.since, lastReceived) < this.#answerMs) {
      state.isLastChance = false;
      return;
    }
    // The answer may lie in the socket, unread because this timer came first.
    if (state.isLastChance) this.#giveUp();
    else state.isLastChance = true;
  }

  #giveUp(): void {
    const cause = new Error(`nothing came from it for ${this.#answerMs} ms after a ping`);
    this.#broker.terminate("unresponsive", cause);
  }
}
