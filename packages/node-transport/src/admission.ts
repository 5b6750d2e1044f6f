// How many connections a server takes, and from whom.

import { networkOf } from "@pb/broker/extension";

/** How much one server takes on. */
export interface ServerLimits {
  /** Connections at a time. Default 10,000: below what a process may usually open. */
  readonly connections: number;
  /** Connections at a time from one address; of IPv6, from one network (/64). Default 1,000: a whole office behind one NAT, yet not everything. */
  readonly connectionsPerAddress: number;
  /**
   * Connections from one address that have not finished TLS and negotiation or, where one has to, have not logged in. Default 250: half of
   * `negotiating`, so that nobody alone can keep all others out.
   */
  readonly newcomersPerAddress: number;
  /** Connections that have not finished TLS and negotiation. Default 500: honest peers take milliseconds for it. */
  readonly negotiating: number;
  /** Milliseconds that a TLS handshake may take. Default 15,000. (For negotiation see `broker.limits.negotiationMs`.) */
  readonly tlsMs: number;
  /** Where one has to log in: connections that have not. Default 1,000. */
  readonly strangers: number;
  /** Where one has to log in: milliseconds until a connection that has not is closed. Default 60,000. */
  readonly loginMs: number;
}

export const defaultServerLimits: ServerLimits = Object.freeze({
  connections: 10_000,
  connectionsPerAddress: 1_000,
  newcomersPerAddress: 250,
  negotiating: 500,
  tlsMs: 15_000,
  strangers: 1_000,
  loginMs: 60_000,
});

/** What stood against a connection. */
export type Refusal = "connections" | "connectionsPerAddress" | "newcomersPerAddress" | "negotiating" | "strangers";

/** How far a connection has come. */
export type Stage = "negotiating" | "stranger" | "welcome";

/** One connection's place. */
export interface Ticket {
  /** It has come further, or has gone. */
  move(stage: Stage | "gone"): void;
}

type Counts = Record<Stage, number>;

/** Counts. */
export class Admission {
  readonly #limits: ServerLimits;
  readonly #all: Counts = { negotiating: 0, stranger: 0, welcome: 0 };
  readonly #byAddress = new Map<string, Counts>();

  constructor(limits: ServerLimits) {
    this.#limits = limits;
  }

  /** A place for a connection from `address`, if it has one; or why there is none. */
  enter(address: string | undefined): Ticket | Refusal {
    const limits = this.#limits;
    const all = this.#all;
    const place = address === undefined ? undefined : networkOf(address);
    const there = (place === undefined ? undefined : this.#byAddress.get(place)) ?? {
      negotiating: 0,
      stranger: 0,
      welcome: 0,
    };
    if (total(all) >= limits.connections) return "connections";
    if (total(there) >= limits.connectionsPerAddress) return "connectionsPerAddress";
    if (newcomers(there) >= limits.newcomersPerAddress) return "newcomersPerAddress";
    if (all.negotiating >= limits.negotiating) return "negotiating";
    if (all.stranger >= limits.strangers) return "strangers";
    if (place !== undefined) this.#byAddress.set(place, there);
    all.negotiating++;
    there.negotiating++;
    let stage: Stage | "gone" = "negotiating";
    return {
      move: (next) => {
        if (stage === "gone") return;
        all[stage]--;
        there[stage]--;
        stage = next;
        if (next !== "gone") {
          all[next]++;
          there[next]++;
        } else if (place !== undefined && total(there) === 0) this.#byAddress.delete(place);
      },
    };
  }
}

function newcomers({ negotiating, stranger }: Counts): number {
  return negotiating + stranger;
}

function total(counts: Counts): number {
  return newcomers(counts) + counts.welcome;
}
