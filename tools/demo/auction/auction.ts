// The auction: the objects that the server offers to a logged-in user. auction.py is the same with Twisted.

import { Avatar, PBError } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import type { Bidder } from "./client.js";

/** The bid is not above the price. The caller receives the class name and the message of this error. */
export class BidTooLow extends PBError {
  static override readonly remoteType: string = "auction.BidTooLow";
}

/** The price and the highest bidder of each lot. */
export class House {
  readonly prices = new Map([
    ["teapot", 40],
    ["clock", 95],
  ]);
  readonly leaders = new Map<string, string>();

  placeBid(lot: string, amount: number, bidder: string): number {
    const price = this.prices.get(lot) ?? 0;
    if (amount <= price) throw new BidTooLow(`the ${lot} stands at ${price}`);
    this.prices.set(lot, amount);
    this.leaders.set(lot, bidder);
    return amount;
  }
}

/** The avatar of a user: a client can call only its perspective_ methods. */
export class Seat extends Avatar {
  constructor(
    private readonly house: House,
    private readonly user: string,
  ) {
    super();
  }

  perspective_lots(): Record<string, number> {
    return Object.fromEntries(this.house.prices);
  }

  perspective_bid(lot: string, amount: number): number {
    return this.house.placeBid(lot, amount, this.user);
  }

  /** Sells a lot. A telephone bidder bids twice; each time, `bidder`, an object of the client, may bid more. */
  async perspective_sell(lot: string, bidder: RemoteReference<Bidder>): Promise<string> {
    for (const offer of [50, 60]) {
      this.house.placeBid(lot, offer, "telephone");
      const amount = await bidder.callRemote("outbid", lot, offer);
      this.house.placeBid(lot, amount, this.user);
    }
    await bidder.callRemote("sold", lot);
    return `sold to ${this.house.leaders.get(lot) ?? ""} for ${this.house.prices.get(lot) ?? ""}`;
  }
}
