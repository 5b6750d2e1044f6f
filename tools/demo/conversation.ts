// What is to happen in each act, in this order: the demo prints what the two programs tell, and fails when they tell something else.

import type { Told } from "./program.js";

export interface Line {
  /** Whose word it is. */
  readonly from: "house" | "alice";
  /** Who does it, or who calls whom. */
  readonly who: string;
  readonly told: Told;
  /** What there is to see. */
  readonly note?: string;
}

const there = "Alice -> house";
const back = "house -> Alice";

export const conversation: readonly Line[] = [
  { from: "alice", who: there, told: ['login("alice", a guess)', "twisted.cred.error.UnauthorizedLogin"] },
  { from: "house", who: "house", told: ["logged in", "alice"] },
  {
    from: "alice",
    who: there,
    told: ['login("alice", her password)', "an avatar"],
    note: "what she may call",
  },
  { from: "alice", who: there, told: ["lots()", { teapot: 40, clock: 95 }] },
  { from: "alice", who: there, told: ['bid("teapot", 45)', 45] },
  {
    from: "alice",
    who: there,
    told: ['bid("teapot", 30)', "auction.BidTooLow: the teapot stands at 45"],
    note: "an error",
  },
  {
    from: "alice",
    who: back,
    told: ['bidder.outbid("teapot", 50)', 55],
    note: "Alice calls sell with an object of hers,",
  },
  {
    from: "alice",
    who: back,
    told: ['bidder.outbid("teapot", 60)', 65],
    note: "of which the house gets a reference.",
  },
  { from: "alice", who: back, told: ['bidder.sold("teapot")', "hooray"], note: "It calls her back, then it answers." },
  { from: "alice", who: there, told: ['sell("teapot", bidder)', "sold to alice for 65"] },
  { from: "house", who: "house", told: ["logged out", "alice"], note: "her connection is closed" },
];

/** Alice's password. The demo looks for it in what went over the wire. */
export const password = "earl grey";
