import { PBError, RemoteError, Root } from "@pb/broker";
import type { BrokerEvent } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";

/** Raised on purpose: the caller learns the class and the message. */
class SoldOut extends PBError {
  static override readonly remoteType = "shop.SoldOut"; // its name for the peer, Python or not
}

/** An error of one's own that is no PBError; in Python's words it is also a LookupError. */
class NoSuchFruit extends Error {
  static readonly remoteType = "shop.NoSuchFruit";
  static readonly remoteBases = ["builtins.LookupError"];
  static readonly isExpected = true; // not a fault: onEvent need not hear of it
}

class Shop extends Root {
  remote_buy(fruit: string) {
    if (fruit === "apple") throw new SoldOut("no apples today");
    if (fruit === "stone") throw new NoSuchFruit("stones are no fruit");
    const crate = undefined as unknown as { fruit: string[] };
    return crate.fruit.length; // a fault: the engine throws a TypeError that tells about our insides
  }
}

const onEvent = (event: BrokerEvent) => {
  if (event.kind === "method-failed") console.log(`[server log] ${event.method}: ${String(event.error)}`);
};
const { client } = await connectedPair({ root: new Shop(), onEvent });
const shop = await client.getRootObject<Shop>();
for (const fruit of ["apple", "stone", "pear"]) {
  try {
    await shop.callRemote("buy", fruit);
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error;
    console.log(`${error.remoteType}: ${error.message}`);
    if (error.is("twisted.spread.pb.Error")) console.log("- raised on purpose, a Twisted caller would say");
    if (error.is("builtins.LookupError")) console.log("- a kind of LookupError");
  }
}
