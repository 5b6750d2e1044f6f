// The auction house: sells one lot after another to the highest bidder. A page can call the objects of this file.

import { PBError, Referenceable } from "@pb/broker";
import type { Connection } from "@pb/broker";
import { Board } from "./board.js";
import type { BoardState } from "./board.js";

const lots = [
  ["Teapot", 40],
  ["Clock", 95],
  ["Globe", 60],
  ["Typewriter", 120],
] as const;

const MOST_SALES = 5;
const MOST_BIDDERS = 50;

/** A page may not do this now. The caller gets the message. */
export class Refused extends PBError {
  static override readonly remoteType: string = "auction.Refused";
}

export class House implements Disposable {
  readonly board: Board = new Board(() => this.#state());
  readonly #lotMs: number;
  #lot = 0;
  #price: number = lots[0][1];
  #leader: string | null = null;
  #endsAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #sales: string[] = [];
  /** The number of connections of each bidder: a tab that was reloaded has two for a moment. */
  readonly #bidders = new Map<string, number>();

  /** Each lot is sold after `lotMs` milliseconds. */
  constructor(lotMs: number) {
    this.#lotMs = lotMs;
    this.#offer(0);
  }

  enter(name: string): void {
    if (!this.#bidders.has(name) && this.#bidders.size >= MOST_BIDDERS) throw new Refused("The room is full");
    this.#bidders.set(name, (this.#bidders.get(name) ?? 0) + 1);
    this.board.changed();
  }

  leave(name: string): void {
    this.#bidders.set(name, this.#bidders.get(name)! - 1);
    this.board.changed();
  }

  /** `lot` is the one that the bidder sees: the next one may have begun. */
  bid(name: string, lot: unknown, amount: unknown): void {
    const { lot: current, price } = this.#state();
    if (lot !== current) throw new Refused(`The ${String(lot).toLowerCase()} has been sold`);
    if (typeof amount !== "number" || !Number.isSafeInteger(amount)) throw new Refused("A bid is a whole number");
    if (amount <= price) throw new Refused(`The ${current.toLowerCase()} is at ${price} already`);
    this.#price = amount;
    this.#leader = name;
    this.board.changed();
  }

  /** Sells the lot now, and offers the next one. */
  sell(): void {
    clearTimeout(this.#timer);
    const { lot, price, leader } = this.#state();
    this.#sales = [leader === null ? `${lot}: not sold` : `${lot}: ${leader}, ${price}`, ...this.#sales];
    this.#sales.splice(MOST_SALES);
    this.#offer((this.#lot + 1) % lots.length);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  #offer(lot: number): void {
    this.#lot = lot;
    [, this.#price] = lots[lot]!;
    this.#leader = null;
    this.#endsAt = performance.now() + this.#lotMs;
    for (const [name, connections] of this.#bidders) if (connections === 0) this.#bidders.delete(name);
    this.#timer = setTimeout(() => this.sell(), this.#lotMs);
    this.board.changed();
  }

  #state(): BoardState {
    return {
      lot: lots[this.#lot]![0],
      price: this.#price,
      leader: this.#leader,
      msLeft: Math.max(0, Math.round(this.#endsAt - performance.now())),
      lotMs: this.#lotMs,
      bidders: [...this.#bidders].map(([name, connections]) => ({ name, isHere: connections > 0 })),
      sales: this.#sales,
    };
  }
}

/** What a page can call first. */
export class Door extends Referenceable {
  readonly #house: House;
  readonly #connection: Connection;
  #seat: Seat | undefined;

  constructor(house: House, connection: Connection) {
    super();
    this.#house = house;
    this.#connection = connection;
  }

  /** Takes a seat until the connection ends. Names are taken on trust: a real auction has logins (`@pb/cred`). */
  remote_enter(name: unknown): Seat {
    if (typeof name !== "string" || !/^[\p{L}\p{N} .'-]{1,20}$/u.test(name))
      throw new Refused("A name has 1 to 20 letters");
    if (this.#seat !== undefined) throw new Refused("This tab has a seat already");
    this.#house.enter(name);
    this.#connection.notifyOnDisconnect(() => this.#house.leave(name));
    return (this.#seat = new Seat(this.#house, name));
  }
}

export class Seat extends Referenceable {
  readonly #house: House;
  readonly #name: string;

  constructor(house: House, name: string) {
    super();
    this.#house = house;
    this.#name = name;
  }

  remote_board(): Board {
    return this.#house.board;
  }

  remote_bid(lot: unknown, amount: unknown): void {
    this.#house.bid(this.#name, lot, amount);
  }
}
