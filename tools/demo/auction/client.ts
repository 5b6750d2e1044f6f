// Alice's client: node … client.ts PORT. Reports each call. client.py is the same with Twisted.

import { Referenceable } from "@pb/broker";
import { login, UnauthorizedLogin, UsernamePassword } from "@pb/cred";
import { connect } from "@pb/node-transport";
import { BidTooLow } from "./auction.js";
import type { Seat } from "./auction.js";
import { report } from "./report.js";

/** An object that stays in the client: the server gets a reference to it and calls its remote_ methods. */
export class Bidder extends Referenceable {
  remote_outbid(lot: string, offer: number): number {
    const amount = offer + 5;
    report(`bidder.outbid("${lot}", ${offer})`, amount);
    return amount;
  }

  remote_sold(lot: string): string {
    report(`bidder.sold("${lot}")`, "hooray");
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
  report('login("alice", <wrong password>)', UnauthorizedLogin.remoteType);
}
const house = await login<Seat>(connection, new UsernamePassword("alice", "earl grey"));
report('login("alice", <her password>)', "an avatar");

// The class Seat of the server gives the types of the arguments and the results.
report("lots()", await house.callRemote("lots"));
report('bid("teapot", 45)', await house.callRemote("bid", "teapot", 45));
try {
  await house.callRemote("bid", "teapot", 30);
} catch (error) {
  if (!(error instanceof BidTooLow)) throw error;
  report('bid("teapot", 30)', `${BidTooLow.remoteType}: ${error.message}`);
}
const bidder = new Bidder();
report('sell("teapot", bidder)', await house.callRemote("sell", "teapot", bidder));
