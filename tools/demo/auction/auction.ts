// The auction: what the house offers to somebody who logged in. auction.py is the same with Twisted.

import { Avatar, PBError } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import type { Bidder } from "./client.js";

/** An error raised on purpose: it reaches the caller with its class and its message. */
export class BidTooLow extends PBError {
  static override readonly remoteType: string = "auction.BidTooLow";
}

/** What the house sells, and who leads at which price. */
export class House {
  readonly prices = new Map([
    ["teapot", 40],
    ["clock", 95],
  ]);
  readonly leaders = new Map<string, string>();

  raise(lot: string, amount: number, who: string): number {
    const price = this.prices.get(lot) ?? 0;
    if (amount <= price) throw new BidTooLow(`the ${lot} stands at ${price}`);
    this.prices.set(lot, amount);
    this.leaders.set(lot, who);
    return amount;
  }
}

/** The avatar of a guest: only its perspective_ methods can be called from outside. */
export class Seat extends Avatar {
  readonly #house: House;
  readonly #guest: string;

  constructor(house: House, guest: string) {
    super();
    this.#house = house;
    this.#guest = guest;
  }

  perspective_lots(): Record<string, number> {
    return Object.fromEntries(this.#house.prices);
  }

  perspective_bid(lot: string, amount: number): number {
    return this.#house.raise(lot, amount, this.#guest);
  }

  /** Sells a lot. Somebody on the telephone bids too; `bidder`, an object of the guest's, is asked for more each time. */
  async perspective_sell(lot: string, bidder: RemoteReference<Bidder>): Promise<string> {
    for (const offer of [50, 60]) {
      this.#house.raise(lot, offer, "telephone");
      const more = await bidder.callRemote("outbid", lot, offer);
      this.#house.raise(lot, more, this.#guest);
    }
    await bidder.callRemote("sold", lot);
    return `sold to ${this.#house.leaders.get(lot) ?? "nobody"} for ${this.#house.prices.get(lot) ?? 0}`;
  }
}
