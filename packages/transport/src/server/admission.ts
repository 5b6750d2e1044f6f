// Limits the connections of a server: in total, for each address, and those that are not established yet.

import { networkOf } from "@pb/broker/extension";

/** The limits of one server. */
export interface ServerLimits {
  /** Connections at the same time. Default 10,000: fewer than the sockets that a process may usually open. */
  readonly connections: number;
  /**
   * Connections at the same time from one address; for IPv6, from one network (/64). Default 1,000: enough for an
   * office behind one NAT, and a tenth of `connections`.
   */
  readonly connectionsPerAddress: number;
  /**
   * Connections from one address that have not finished TLS and negotiation or, if a login is required, have not logged
   * in. Default 250: half of `negotiating`, so that one address cannot use up that limit alone.
   */
  readonly newcomersPerAddress: number;
  /** Connections that have not finished TLS and negotiation. Default 500: honest peers need milliseconds for it. */
  readonly negotiating: number;
  /**
   * Milliseconds that a TLS handshake may take. Default 15,000. (For the negotiation see
   * `broker.limits.negotiationMs`.)
   */
  readonly tlsMs: number;
  /** If a login is required: connections that have not logged in. Default 1,000. */
  readonly strangers: number;
  /** If a login is required: milliseconds after which a connection that has not logged in is closed. Default 60,000. */
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

/** The limit that a refused connection would have exceeded. */
export type Refusal = "connections" | "connectionsPerAddress" | "newcomersPerAddress" | "negotiating" | "strangers";

/** How far a connection has come. A server that requires no login skips `loggingIn`. */
export type Stage = "negotiating" | "loggingIn" | "established";

/** One admitted connection, counted in the stage `negotiating` at first. */
export interface Ticket {
  /**
   * Counts the connection in another stage. After `closed` it is no longer counted, and further calls have no effect.
   */
  moveTo(stage: Stage | "closed"): void;
}

type Counts = Record<Stage, number>;

/** Counts the connections of one server. */
export class Admission {
  readonly #limits: ServerLimits;
  readonly #total: Counts = noConnections();
  readonly #byNetwork = new Map<string, Counts>();

  constructor(limits: ServerLimits) {
    this.#limits = limits;
  }

  /**
   * Admits a connection and returns its ticket, or returns the limit that it would exceed. `address` is an IP address;
   * without one, only the limits for all connections together apply.
   */
  admit(address: string | undefined): Ticket | Refusal {
    const network = address === undefined ? undefined : networkOf(address);
    const own = (network === undefined ? undefined : this.#byNetwork.get(network)) ?? noConnections();
    const refusal = this.#exceededLimit(own);
    if (refusal !== undefined) return refusal;
    if (network !== undefined) this.#byNetwork.set(network, own);
    this.#total.negotiating++;
    own.negotiating++;
    let stage: Stage | "closed" = "negotiating";
    return {
      moveTo: (next) => {
        if (stage === "closed") return;
        this.#total[stage]--;
        own[stage]--;
        stage = next;
        if (next !== "closed") {
          this.#total[next]++;
          own[next]++;
        } else if (network !== undefined && sum(own) === 0) this.#byNetwork.delete(network);
      },
    };
  }

  /** The first limit that one more connection would exceed. `own` are the connections of its network. */
  #exceededLimit(own: Counts): Refusal | undefined {
    const limits = this.#limits;
    const total = this.#total;
    if (sum(total) >= limits.connections) return "connections";
    if (sum(own) >= limits.connectionsPerAddress) return "connectionsPerAddress";
    if (own.negotiating + own.loggingIn >= limits.newcomersPerAddress) return "newcomersPerAddress";
    if (total.negotiating >= limits.negotiating) return "negotiating";
    if (total.loggingIn >= limits.strangers) return "strangers";
    return undefined;
  }
}

function noConnections(): Counts {
  return { negotiating: 0, loggingIn: 0, established: 0 };
}

function sum({ negotiating, loggingIn, established }: Counts): number {
  return negotiating + loggingIn + established;
}
