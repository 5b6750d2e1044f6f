// Pings the peer at intervals, which keeps NATs from dropping the connection, and ends the connection when the peer is
// dead.

import { addDisposal, dispose } from "@pb/jelly-types";
import type { Broker } from "@pb/broker";
import { LONGEST_MS, withDeadline, withDefaults } from "@pb/broker/extension";
import { defaultPlatform } from "./platform.js";
import type { Platform, Timer } from "./platform.js";
import type { Pulse } from "./pulse.js";

/** How a connection is checked. */
export interface LivenessOptions {
  /**
   * Milliseconds without a received byte after which this end sends a ping. Default 25,000, because some NATs and load
   * balancers drop a connection that is idle for 30 seconds. A ping is a call to an object that does not exist: 20
   * bytes, which every peer answers and a stock Twisted peer does not log. A client sends it after nine tenths of this
   * time, so that of two ends with the same options one pings. Each end also pings every eighth time, whatever it has
   * received, so that `latency()` stays true.
   */
  readonly intervalMs?: number | undefined;
  /**
   * Milliseconds without a received byte after a ping until the connection ends with the reason `unresponsive`. Default
   * 30,000: a peer whose event loop is blocked for that long is of no use. While the ping is still queued, bytes that
   * leave the process count as a sign of life too. A peer of this package that has stopped reading, because too many of
   * its calls are running, still sends signs of life. While this end itself has stopped reading for that reason, the
   * silence of the peer says nothing, and the connection does not end.
   */
  readonly answerMs?: number | undefined;
}

/** {@link LivenessOptions} with all defaults filled in. */
export interface LivenessTimes {
  readonly intervalMs: number;
  readonly answerMs: number;
}

export const defaultLiveness: LivenessTimes = Object.freeze({
  intervalMs: 25_000,
  answerMs: 30_000,
});

/** How many times within `answerMs` the clock is checked while a ping waits for its answer. */
const CHECKS = 8;

/**
 * Checks a connection from the moment it is ready until it ends, or until the result is disposed of. The timers do not
 * keep the process alive. Throws `TypeError` for a time that is not a number of at least 1.
 */
export function watchOver(
  broker: Broker,
  pulse: Pulse,
  options: LivenessOptions = {},
  platform: Platform = defaultPlatform,
): Disposable {
  const monitor = new Monitor(broker, pulse, completeLiveness(options), platform);
  broker.notifyOnDisconnect(() => monitor[dispose]());
  void broker.ready.then(
    () => monitor.start(),
    () => undefined,
  );
  return monitor;
}

/** The options with all defaults filled in. Throws `TypeError` for a time that is not a number of at least 1. */
export function completeLiveness(options: LivenessOptions | undefined): LivenessTimes {
  return withDefaults("liveness option", defaultLiveness, options, {
    intervalMs: { least: 1 },
    answerMs: { least: 1 },
  });
}

/**
 * Asks the peer for a sign of life, and resolves with whether there was one in time. A peer that has stopped reading
 * cannot answer, but still sends bytes.
 */
export async function isResponsive(connection: Broker, timeoutMs: number): Promise<boolean> {
  const { bytesReceived } = connection.stats();
  const timeoutError = (): Error => new Error(`The ping was not answered within ${timeoutMs} ms`);
  return withDeadline({ timeoutMs }, timeoutError, () => connection.ping()).then(
    () => true,
    () => {
      const later = connection.stats();
      // While this end does not read it, nothing can be said against the peer.
      return connection.isOpen && (later.bytesReceived > bytesReceived || later.pausedBy !== undefined);
    },
  );
}

/** Milliseconds in which a peer has to answer after this end was asleep: a person may be waiting. */
const WAKE_MS = 5_000;

/**
 * Checks a connection at once, after the machine or the browser tab was asleep: without a sign of life within 5
 * seconds, it ends with the reason `unresponsive`.
 */
export async function checkAfterSleep(connection: Broker): Promise<void> {
  if (await isResponsive(connection, WAKE_MS)) return;
  connection.terminate("unresponsive", new Error(`nothing was received for ${WAKE_MS} ms after this end was asleep`));
}

/** A ping that waits for its answer. */
interface PendingPing {
  /** When the time of `answerMs` began. */
  since: number;
  /** The ping has left the process when `leftBytes` reaches this number. */
  end: number;
  hasLeft: boolean;
  lastCheck: number;
  /** Whether the time was over at the last check. The connection ends at the second such check in a row. */
  isOverdue: boolean;
}

/** The time between two pings is measured in so many parts. A timer may end one part early, and not late. */
const PARTS = 16;

/** The part of the interval after which the end that opened the connection sends a ping. */
const INITIATOR_PARTS = 14.4 / 16;

/** A ping is sent after so many intervals also when bytes of the peer were received in all of them. */
const MOST_SKIPPED = 8;

/** Checks one connection from {@link start} until it is disposed of. There may be thousands (bench `crowd`). */
export class Monitor implements Disposable {
  static {
    addDisposal(this);
  }

  readonly #broker: Broker;
  readonly #pulse: Pulse;
  readonly #intervalMs: number;
  readonly #answerMs: number;
  readonly #platform: Platform;
  readonly #isListener: boolean;
  #timer: Timer | undefined;
  #checkTimer: Timer | undefined;
  #isDisposed = false;
  #ping: PendingPing | undefined;
  #lastPing = 0;

  constructor(
    broker: Broker,
    pulse: Pulse,
    times: LivenessTimes,
    platform: Platform,
    role: "listener" | "initiator" = "initiator",
  ) {
    this.#broker = broker;
    this.#pulse = pulse;
    this.#intervalMs = Math.min(times.intervalMs, LONGEST_MS);
    this.#answerMs = times.answerMs;
    this.#platform = platform;
    this.#isListener = role === "listener";
  }

  start(): void {
    this.#lastPing = performance.now();
    if (!this.#isDisposed) this.#tickAfter(this.#waitMs);
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    clearTimeout(this.#timer);
    this.#finishPing();
  }

  /** Milliseconds of silence after which a ping is sent. */
  get #waitMs(): number {
    return this.#isListener ? this.#intervalMs : this.#intervalMs * INITIATOR_PARTS;
  }

  #tick(): void {
    const now = performance.now();
    const wait = this.#waitMs;
    const part = this.#intervalMs / PARTS;
    const silence = now - this.#pulse.lastReceived;
    const left = now - this.#lastPing >= MOST_SKIPPED * wait ? 0 : wait - silence;
    // A slow peer receives no second ping before it has answered the first. Six bytes without an answer are enough for
    // a NAT.
    if (this.#ping !== undefined) this.#broker.keepAlive();
    else if (left < part) this.#sendPing();
    else {
      // Whole parts: timers with few different delays cost less.
      this.#tickAfter(Math.floor(left / part) * part);
      return;
    }
    this.#tickAfter(wait);
  }

  #tickAfter(milliseconds: number): void {
    this.#timer = setTimeout(() => this.#tick(), milliseconds);
    this.#platform.unref(this.#timer);
  }

  #sendPing(): void {
    const answered = this.#broker.ping();
    const now = performance.now();
    this.#lastPing = now;
    const ping = { since: now, end: Infinity, hasLeft: false, lastCheck: now, isOverdue: false };
    this.#ping = ping;
    // The broker passes the ping to the link at the end of the turn. Only then does `sentBytes` include it.
    this.#platform.afterTurn(() => (ping.end = this.#pulse.sentBytes));
    this.#checkTimer = this.#every(this.#answerMs / CHECKS, () => this.#check(ping));
    const finish = (): void => {
      if (this.#ping === ping) this.#finishPing();
    };
    answered.then(finish, finish);
  }

  #finishPing(): void {
    clearInterval(this.#checkTimer);
    this.#checkTimer = undefined;
    this.#ping = undefined;
  }

  #check(ping: PendingPing): void {
    const now = performance.now();
    const { lastReceived, lastLeft, leftBytes, sentBytes, isPaused } = this.#pulse;
    // This process was suspended or its event loop was blocked: the time that passed says nothing about the peer.
    if (now - ping.lastCheck > (2 * this.#answerMs) / CHECKS + 500) ping.since = now;
    ping.lastCheck = now;
    if (!ping.hasLeft) {
      ping.since = Math.max(ping.since, lastLeft);
      ping.hasLeft = leftBytes >= ping.end;
    }
    // While the link does not read, the answer cannot arrive. A peer that waits for answers of this end has to read
    // them: then what leaves is a sign of life. Otherwise it may have stopped reading too, and nothing can be said.
    if (isPaused === true) {
      const mustRead = this.#broker.stats().pausedBy !== "callsRunning" && leftBytes < sentBytes;
      ping.since = mustRead ? Math.max(ping.since, lastLeft) : now;
    }
    if (now - Math.max(ping.since, lastReceived) < this.#answerMs) {
      ping.isOverdue = false;
      return;
    }
    // The answer may already be in the socket, unread because this timer ran first: one more check follows.
    if (ping.isOverdue) this.#endConnection();
    else ping.isOverdue = true;
  }

  #endConnection(): void {
    const cause = new Error(`nothing was received for ${this.#answerMs} ms after a ping`);
    this.#broker.terminate("unresponsive", cause);
  }

  #every(milliseconds: number, callback: () => void): Timer {
    const timer = setInterval(callback, Math.min(milliseconds, LONGEST_MS));
    this.#platform.unref(timer);
    return timer;
  }
}
