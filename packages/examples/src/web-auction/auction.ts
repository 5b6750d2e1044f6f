// The auction house: sells one lot after another to the highest bidder. A page can call the objects of this file.

import { PBError, Referenceable } from "@pb/broker";
import type { Connection } from "@pb/broker";
import { Board } from "./board.js";
import type { BoardState } from "./board.js";
import type { Draft } from "@pb/live";

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
  readonly board: Board;
  #lot = 0;
  #endsAt: number;
  #timer: NodeJS.Timeout;
  /** The number of connections of each bidder: a tab that was reloaded has two for a moment. */
  readonly #connections = new Map<string, number>();

  /** Each lot is sold after `lotMs` milliseconds. */
  constructor(lotMs: number) {
    const [lot, price] = lots[0];
    this.board = new Board({ lot, price, leader: null, msLeft: lotMs, lotMs, bidders: [], sales: [] });
    this.#endsAt = performance.now() + lotMs;
    this.#timer = setTimeout(() => this.sell(), lotMs);
  }

  enter(name: string): void {
    const { bidders } = this.board.state;
    if (bidders.length >= MOST_BIDDERS && !bidders.some((bidder) => bidder.name === name))
      throw new Refused("The room is full");
    this.#connections.set(name, (this.#connections.get(name) ?? 0) + 1);
    this.#change((board) => {
      const known = board.bidders.find((bidder) => bidder.name === name);
      if (known === undefined) board.bidders.push({ name, isHere: true });
      else known.isHere = true;
    });
  }

  leave(name: string): void {
    const left = this.#connections.get(name)! - 1;
    if (left > 0) {
      this.#connections.set(name, left);
      return;
    }
    this.#connections.delete(name);
    this.#change((board) => {
      const bidder = board.bidders.find((each) => each.name === name);
      if (bidder !== undefined) bidder.isHere = false;
    });
  }

  /** `lot` is the one that the bidder sees: the next one may have begun. */
  bid(name: string, lot: unknown, amount: unknown): void {
    const { lot: current, price } = this.board.state;
    if (lot !== current) throw new Refused(`The ${String(lot).toLowerCase()} has been sold`);
    if (typeof amount !== "number" || !Number.isSafeInteger(amount)) throw new Refused("A bid is a whole number");
    if (amount <= price) throw new Refused(`The ${current.toLowerCase()} is at ${price} already`);
    this.#change((board) => {
      board.price = amount;
      board.leader = name;
    });
  }

  /** Sells the lot now, and offers the next one. */
  sell(): void {
    clearTimeout(this.#timer);
    const { lot, price, leader, lotMs } = this.board.state;
    const sale = leader === null ? `${lot}: not sold` : `${lot}: ${leader}, ${price}`;
    this.#lot = (this.#lot + 1) % lots.length;
    this.#endsAt = performance.now() + lotMs;
    this.#timer = setTimeout(() => this.sell(), lotMs);
    this.#change((board) => {
      [board.lot, board.price] = lots[this.#lot]!;
      board.leader = null;
      board.sales.unshift(sale);
      board.sales.splice(MOST_SALES);
      board.bidders = board.bidders.filter(({ isHere }) => isHere);
    });
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  /** Every page gets what has changed, and how much time is left. */
  #change(recipe: (board: Draft<BoardState>) => void): void {
    this.board.update((board) => {
      recipe(board);
      board.msLeft = Math.max(0, Math.round(this.#endsAt - performance.now()));
    });
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
