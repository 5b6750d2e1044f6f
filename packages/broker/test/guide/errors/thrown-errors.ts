import { PBError, RemoteError, Root } from "@pb/broker";
import type { BrokerEvent } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";

/** Thrown on purpose: the caller receives the class and the message. */
class SoldOut extends PBError {
  static override readonly remoteType = "shop.SoldOut"; // the name of the class for the peer
}

/** An error class that does not extend `PBError`. A Python caller can also catch it as a `LookupError`. */
class UnknownFruit extends Error {
  static readonly remoteType = "shop.UnknownFruit";
  static readonly remoteBases = ["builtins.LookupError"];
  static readonly isExpected = true; // not reported to `onEvent`
}

class Shop extends Root {
  remote_buy(fruit: string) {
    if (fruit === "apple") throw new SoldOut("no apples today");
    if (fruit === "stone") throw new UnknownFruit("a stone is not a fruit");
    const crate = undefined as unknown as { fruit: string[] };
    return crate.fruit.length; // a bug: JavaScript throws a TypeError
  }
}

const onEvent = (event: BrokerEvent) => {
  if (event.kind === "method-failed") console.log(`server log: ${event.method} failed: ${String(event.error)}`);
};
const { client } = await connectedPair({ root: new Shop(), onEvent });
const shop = await client.getRootObject<Shop>();
for (const fruit of ["apple", "stone", "pear"]) {
  try {
    await shop.call.buy(fruit);
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error;
    console.log(`${error.remoteType}: ${error.message}`);
    if (error.is("twisted.spread.pb.Error")) console.log("  it is a pb.Error");
    if (error.is("builtins.LookupError")) console.log("  it is a LookupError");
  }
}
