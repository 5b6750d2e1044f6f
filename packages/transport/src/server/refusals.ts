// Tells peers that have no place why, and when to try again, instead of closing their connections without a word.

import { Broker, Referenceable } from "@pb/broker";
import type { RootSource } from "@pb/broker";
import { BrokerConfig, ServerBusyError } from "@pb/broker/extension";
import type { Link } from "@pb/broker/extension";
import type { Platform } from "../platform.js";
import type { Refusal } from "./admission.js";

/** Milliseconds after which a refused connection is closed, whatever the peer does. */
const LONGEST_MS = 2_000;

/** Refused connections that are open at the same time. Further ones are closed at once. */
const OPEN = 256;

/**
 * Refused connections per second, after a burst of {@link OPEN}. Further ones are closed at once: a TLS handshake costs
 * the server about a millisecond.
 */
const PER_SECOND = 100;

/**
 * Milliseconds after which a refused peer should try again. Places of newcomers become free within seconds, the others
 * when a peer disconnects.
 */
const RETRY_MS: Readonly<Record<Refusal, number>> = {
  connections: 10_000,
  connectionsPerAddress: 10_000,
  newcomersPerAddress: 1_000,
  negotiating: 1_000,
  strangers: 1_000,
};

/** What a peer is told that has no place because of a limit. */
export const errorFor = (limit: Refusal): ServerBusyError => new ServerBusyError(limit, RETRY_MS[limit]);

/** The refused connections of one server. */
export class Refusals {
  readonly #platform: Platform;
  readonly #dialects: BrokerConfig["dialects"];
  readonly #configs = new Map<Refusal, BrokerConfig>();
  #open = 0;
  /** How many may be refused now. */
  #allowance = OPEN;
  #since = performance.now();

  /** `dialects` are those that the server offers. */
  constructor(dialects: BrokerConfig["dialects"], platform: Platform) {
    this.#dialects = dialects;
    this.#platform = platform;
  }

  /**
   * Takes a connection, and calls `destroy` when its time is over. The result is called when the connection has closed.
   * Undefined if there are too many refused connections.
   */
  take(destroy: () => void): (() => void) | undefined {
    const now = performance.now();
    this.#allowance = Math.min(OPEN, this.#allowance + ((now - this.#since) / 1000) * PER_SECOND);
    this.#since = now;
    if (this.#open >= OPEN || this.#allowance < 1) return undefined;
    this.#allowance--;
    this.#open++;
    const timer = setTimeout(destroy, LONGEST_MS);
    this.#platform.unref(timer);
    return () => {
      clearTimeout(timer);
      this.#open--;
    };
  }

  /** Offers the notice, and answers the first call of a peer that does not know it with the error. */
  serve(link: Link, limit: Refusal): Broker {
    let config = this.#configs.get(limit);
    if (config === undefined) this.#configs.set(limit, (config = this.#configFor(limit)));
    return new Broker(link, config);
  }

  #configFor(limit: Refusal): BrokerConfig {
    const error = errorFor(limit);
    const { afterTurn } = this.#platform;
    const root: RootSource = {
      rootObject: (connection) =>
        new BusyRoot(error, () => {
          if (connection instanceof Broker) afterTurn(() => void connection.close());
        }),
    };
    return new BrokerConfig({
      root,
      dialects: [{ name: error.notice }, ...this.#dialects],
      limits: { messageBytes: 64 * 1024, negotiationMs: LONGEST_MS, callsRunning: 1, overload: "refuse" },
    });
  }
}

/** Answers every call with the error, and the first call ends the connection. */
class BusyRoot extends Referenceable {
  readonly #error: ServerBusyError;
  readonly #end: () => void;

  constructor(error: ServerBusyError, end: () => void) {
    super();
    this.#error = error;
    this.#end = end;
  }

  override receiveCall(): never {
    this.#end();
    throw this.#error;
  }
}
