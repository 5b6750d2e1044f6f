// How many connections a server takes, and from whom.

/** How much one server takes on. */
export interface ServerLimits {
  /** Connections at a time. Default 10,000: below what a process may usually open. */
  readonly connections: number;
  /** Connections at a time from one address. Default 1,000: a whole office behind one NAT, yet not everything. */
  readonly connectionsPerAddress: number;
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
  negotiating: 500,
  tlsMs: 15_000,
  strangers: 1_000,
  loginMs: 60_000,
});

/** What stood against a connection. */
export type Refusal = "connections" | "connectionsPerAddress" | "negotiating" | "strangers";

/** How far a connection has come. */
export type Stage = "negotiating" | "stranger" | "welcome";

/** One connection's place. */
export interface Ticket {
  /** It has come further, or has gone. */
  move(stage: Stage | "gone"): void;
}

/** Counts. */
export class Admission {
  readonly #limits: ServerLimits;
  readonly #stages: Record<Stage, number> = { negotiating: 0, stranger: 0, welcome: 0 };
  readonly #addresses = new Map<string, number>();

  constructor(limits: ServerLimits) {
    this.#limits = limits;
  }

  /** A place for a connection from `address`, if it has one; or why there is none. */
  enter(address: string | undefined): Ticket | Refusal {
    const { negotiating, stranger, welcome } = this.#stages;
    const fromThere = address === undefined ? 0 : (this.#addresses.get(address) ?? 0);
    if (negotiating + stranger + welcome >= this.#limits.connections) return "connections";
    if (fromThere >= this.#limits.connectionsPerAddress) return "connectionsPerAddress";
    if (negotiating >= this.#limits.negotiating) return "negotiating";
    if (stranger >= this.#limits.strangers) return "strangers";
    if (address !== undefined) this.#addresses.set(address, fromThere + 1);
    this.#stages.negotiating++;
    let stage: Stage | "gone" = "negotiating";
    return {
      move: (next) => {
        if (stage === "gone") return;
        this.#stages[stage]--;
        if (next !== "gone") this.#stages[next]++;
        else if (address !== undefined) this.#leave(address);
        stage = next;
      },
    };
  }

  #leave(address: string): void {
    const left = this.#addresses.get(address)! - 1;
    if (left === 0) this.#addresses.delete(address);
    else this.#addresses.set(address, left);
  }
}
