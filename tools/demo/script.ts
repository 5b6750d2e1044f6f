// The reports that the two programs must print in each act, in this order. The demo fails when a report differs.

/** An event, and its result: what a call returned, or which error it raised. */
export type Report = readonly [event: string, result: unknown];

export interface Step {
  /** Which program calls which, or "server" for an event that the server reports. The client reports the calls. */
  readonly direction: string;
  readonly report: Report;
  /** Explains the step to the reader of the first act. */
  readonly note: string;
}

const toServer = "client -> server";
const toClient = "server -> client";

export const script: readonly Step[] = [
  step(toServer, 'login("alice", <wrong password>)', "twisted.cred.error.UnauthorizedLogin", "an error"),
  step("server", "logged in", "alice"),
  step(toServer, 'login("alice", <her password>)', "an avatar", "the server object that Alice may call"),
  step(toServer, "lots()", { teapot: 40, clock: 95 }),
  step(toServer, 'bid("teapot", 45)', 45),
  step(toServer, 'bid("teapot", 30)', "auction.BidTooLow: the teapot stands at 45", "an error"),
  step(toClient, 'bidder.outbid("teapot", 50)', 55, "Alice calls sell() with her object bidder."),
  step(toClient, 'bidder.outbid("teapot", 60)', 65, "The server gets a reference to it, and"),
  step(toClient, 'bidder.sold("teapot")', "hooray", "calls its methods before sell() returns."),
  step(toServer, 'sell("teapot", bidder)', "sold to alice for 65"),
  step("server", "logged out", "alice", "The client closed the connection."),
];

function step(direction: string, event: string, result: unknown, note = ""): Step {
  return { direction, report: [event, result], note };
}

/** Alice's password. The demo checks that it is not in the bytes of the connection. */
export const password = "earl grey";
