// Limits the connections of a server: in total, for each address, and those that are not established yet. When a limit
// is reached, connections that nobody has logged in on make room, so that no address keeps the others out.

import type { BrokerLimits } from "@pb/broker";
import { networksOf } from "@pb/broker/extension";
import { Crowd, oldestOf } from "./crowd.js";

/** The limits of one server. */
export interface ServerLimits {
  /**
   * Connections at the same time. Default 10,000: fewer than the sockets that a process may usually open. The last
   * twentieth is kept for addresses that have no connection.
   */
  readonly connections: number;
  /**
   * Connections at the same time from one address, those of users aside; for IPv6, from one network (/64), and four
   * times as many from a /56 and sixteen times as many from a /48. An anonymous login makes no user, unless the root
   * says so (`RootSource.trustsAnonymous`). Default 5,000: enough for a large network behind one NAT, and half of
   * `connections`.
   */
  readonly connectionsPerAddress: number;
  /**
   * Connections from one address that have not finished TLS and negotiation or, if a login is required, have not logged
   * in. Default 2,000, as `strangers`: one address may use every place that no other address needs, so that all clients
   * behind a NAT can connect at the same moment.
   */
  readonly newcomersPerAddress: number;
  /**
   * Connections that have not finished TLS and negotiation. Default 2,000: honest peers need milliseconds for it, also
   * after a restart of the server, when they all come at once.
   */
  readonly negotiating: number;
  /**
   * Milliseconds that a TLS handshake may take. Default 15,000. (For the negotiation see
   * `broker.limits.negotiationMs`.)
   */
  readonly tlsMs: number;
  /**
   * Connections that have not finished TLS and negotiation or, if a login is required, have not logged in. Default
   * 2,000: a fifth of `connections`, so that strangers never fill the server.
   */
  readonly strangers: number;
  /** If a login is required: milliseconds after which a connection that has not logged in is closed. Default 60,000. */
  readonly loginMs: number;
}

/** Limits of a server that change while it runs, and those of its connections. */
export type LimitChanges = Partial<ServerLimits> & { readonly broker?: Partial<BrokerLimits> | undefined };

export const defaultServerLimits: ServerLimits = Object.freeze({
  connections: 10_000,
  connectionsPerAddress: 5_000,
  newcomersPerAddress: 2_000,
  negotiating: 2_000,
  tlsMs: 15_000,
  strangers: 2_000,
  loginMs: 60_000,
});

/** The limit that a refused connection would have exceeded. */
export type Refusal = "connections" | "connectionsPerAddress" | "newcomersPerAddress" | "negotiating" | "strangers";

/**
 * How far a connection has come. A connection that is ready is `loggingIn` if a login is required, otherwise a `guest`.
 * So is one with an anonymous login. A `user` has logged in with a name.
 */
export type Stage = "negotiating" | "loggingIn" | "guest" | "user";

/** A connection that asks for a place. */
export interface Candidate {
  /** Its IP address. Without one, only the limits for all connections together apply. */
  readonly address: string | undefined;
  /** Closes the connection, because another one needs its place. The ticket is closed already. */
  readonly evict: (limit: Refusal) => void;
  /** When the peer last sent something, on the clock of `performance.now()`. */
  readonly lastReceived: () => number;
}

/** One admitted connection, in the stage `negotiating` at first. */
export interface Ticket {
  /**
   * Counts the connection in another stage. After `closed` it is no longer counted, and further calls have no effect.
   */
  moveTo(stage: Stage | "closed"): void;
}

/**
 * Milliseconds that a newcomer may keep its place while others from the same address wait: many times what an honest
 * peer needs.
 */
const GRACE_MS = 2_000;

/** How many times more connections a wider network may have than the one inside of it. */
const WIDER = 4;

/** The part of `connections` that is kept for addresses that have none. */
const RESERVE = 1 / 20;

/** Counts the connections of one server, and decides which of them have a place. */
export class Admission {
  limits: ServerLimits;
  readonly #all = new Crowd<Place>();
  readonly #negotiating = new Crowd<Place>();
  /** Connections that are negotiating or logging in. */
  readonly #newcomers = new Crowd<Place>();
  readonly #guests = new Crowd<Place>();

  constructor(limits: ServerLimits) {
    this.limits = limits;
  }

  /**
   * Admits a connection and returns its ticket, or returns the limit that it would exceed. Other connections may lose
   * their places to it:
   *
   * - The oldest newcomer of the address that has the most, if the candidate's address has at least two fewer, or none
   *   at all. IPv6 addresses count by network: first by /48; inside of the /48 with the most by /56, and then by /64.
   * - Otherwise the oldest newcomer of the address that has the most, if it had its place for {@link GRACE_MS}.
   * - If no newcomer can go, and the address of the candidate has no connection at all: of the guests of the address
   *   that has the most and more than one, the one that has been silent longest.
   */
  admit(candidate: Candidate): Ticket | Refusal {
    const place = new Place(candidate, this.#move);
    for (const excess of this.#exceeded(place)) {
      const { limit } = excess;
      const victim = this.#victim(excess, place);
      if (victim === undefined) return limit;
      this.#move(victim, "closed");
      victim.candidate.evict(limit);
    }
    this.#move(place, "negotiating");
    return place;
  }

  /** The limits that one more connection would exceed. Those that apply to the address of the candidate come first. */
  *#exceeded({ networks, candidate }: Place): Iterable<Excess> {
    const { limits } = this;
    for (let width = 0; width < networks.length && candidate.address !== undefined; width++) {
      const within = networks.slice(0, networks.length - width);
      const most = WIDER ** width;
      const newcomers = this.#newcomers.countOf(within);
      if (newcomers + this.#guests.countOf(within) >= limits.connectionsPerAddress * most)
        yield { limit: "connectionsPerAddress", within };
      if (newcomers >= limits.newcomersPerAddress * most) yield { limit: "newcomersPerAddress", within };
    }
    if (this.#negotiating.size >= limits.negotiating) yield { limit: "negotiating" };
    if (this.#newcomers.size >= limits.strangers) yield { limit: "strangers" };
    const reserve = this.#hasNone(networks) ? 0 : Math.floor(limits.connections * RESERVE);
    if (this.#all.size >= limits.connections - reserve) yield { limit: "connections" };
  }

  /** Whether there is no connection of this address, and for IPv6 of its /48. */
  #hasNone([widest]: readonly string[]): boolean {
    return this.#all.countOf([widest!]) === 0;
  }

  #victim({ limit, within }: Excess, { networks }: Place): Place | undefined {
    switch (limit) {
      case "connectionsPerAddress":
      case "newcomersPerAddress":
        return ifSettled(oldestOf(this.#newcomers.within(within!)));
      case "negotiating":
        return newcomerToEvict(this.#negotiating, networks);
      case "strangers":
        return newcomerToEvict(this.#newcomers, networks);
      case "connections":
        return newcomerToEvict(this.#newcomers, networks) ?? this.#guestToEvict(networks);
    }
  }

  #guestToEvict(networks: readonly string[]): Place | undefined {
    if (!this.#hasNone(networks) || this.#guests.highest < 2) return undefined;
    let silent: Place | undefined;
    let since = Infinity;
    for (const guest of this.#guests.mostCrowded()!) {
      const last = guest.candidate.lastReceived();
      if (last < since) [silent, since] = [guest, last];
    }
    return silent;
  }

  /** One function for all places. */
  readonly #move = (place: Place, stage: Stage | "closed"): void => {
    if (place.stage === "closed") return;
    place.stage = stage;
    set(this.#all, place, stage !== "closed");
    set(this.#negotiating, place, stage === "negotiating");
    set(this.#newcomers, place, stage === "negotiating" || stage === "loggingIn");
    set(this.#guests, place, stage === "guest");
  };
}

/** A connection and the place that it has or asks for. */
class Place implements Ticket {
  readonly candidate: Candidate;
  /** The widest first. Connections without an address have a network of their own. */
  readonly networks: readonly string[];
  readonly since: number = performance.now();
  stage: Stage | "closed" | undefined;
  readonly #move: (place: Place, stage: Stage | "closed") => void;

  constructor(candidate: Candidate, move: (place: Place, stage: Stage | "closed") => void) {
    this.candidate = candidate;
    this.#move = move;
    this.networks = candidate.address === undefined ? [""] : [...networksOf(candidate.address)].reverse();
  }

  moveTo(stage: Stage | "closed"): void {
    this.#move(this, stage);
  }
}

/** A limit that is exceeded; of a limit on addresses also the network in which it is, with those around it. */
interface Excess {
  readonly limit: Refusal;
  readonly within?: readonly string[];
}

/** The newcomer that has to make room for one from these networks. Undefined if none has to. */
function newcomerToEvict(crowd: Crowd<Place>, networks: readonly string[], depth = 1): Place | undefined {
  const own = crowd.within(networks.slice(0, depth));
  const { highest } = crowd;
  if (own === undefined || highest > own.size + 1) return crowd.oldest();
  if (own.size < highest) return ifSettled(crowd.oldest());
  return own instanceof Crowd ? newcomerToEvict(own, networks, depth + 1) : ifSettled(oldestOf(own));
}

/** The place, if it was given {@link GRACE_MS} ago or earlier. */
function ifSettled(place: Place | undefined): Place | undefined {
  return place !== undefined && performance.now() - place.since >= GRACE_MS ? place : undefined;
}

function set(crowd: Crowd<Place>, place: Place, isMember: boolean): void {
  if (!isMember) crowd.delete(place);
  else if (!crowd.has(place)) crowd.add(place);
}
