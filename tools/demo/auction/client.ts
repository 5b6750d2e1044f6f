// Alice as a program: node … client.ts PORT. Tells on stdout what she calls, and what is called on her. client.py is the same with Twisted.

import { Referenceable } from "@pb/broker";
import { login, UnauthorizedLogin, UsernamePassword } from "@pb/cred";
import { connect } from "@pb/node-transport";
import { BidTooLow } from "./auction.js";
import type { Seat } from "./auction.js";
import { tell } from "./tell.js";

/** Alice's object, which stays here: the house gets a reference to it, and calls its remote_ methods. */
export class Bidder extends Referenceable {
  remote_outbid(lot: string, offer: number): number {
    const more = offer + 5;
    tell(`bidder.outbid("${lot}", ${offer})`, more);
    return more;
  }

  remote_sold(lot: string): string {
    tell(`bidder.sold("${lot}")`, "hooray");
    return "hooray";
  }
}

await using connection = await connect(`tcp:127.0.0.1:${process.argv[2] ?? ""}`, {
  broker: { errorClasses: { "auction.BidTooLow": BidTooLow } },
});

try {
  await login(connection, new UsernamePassword("alice", "a guess"));
} catch (error) {
  if (!(error instanceof UnauthorizedLogin)) throw error;
  tell('login("alice", a guess)', UnauthorizedLogin.remoteType);
}
const house = await login<Seat>(connection, new UsernamePassword("alice", "earl grey"));
tell('login("alice", her password)', "an avatar");

// What these calls take and return is known from the class of the server.
tell("lots()", await house.callRemote("lots"));
tell('bid("teapot", 45)', await house.callRemote("bid", "teapot", 45));
try {
  await house.callRemote("bid", "teapot", 30);
} catch (error) {
  if (!(error instanceof BidTooLow)) throw error;
  tell('bid("teapot", 30)', `${BidTooLow.remoteType}: ${error.message}`);
}
const bidder = new Bidder();
tell('sell("teapot", bidder)', await house.callRemote("sell", "teapot", bidder));
