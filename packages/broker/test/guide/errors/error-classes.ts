import { describeError, PBError, RemoteError, Root } from "@pb/broker";
import type { BrokerOptions } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";

class SoldOut extends PBError {
  static override readonly remoteType = "shop.SoldOut";
}

/** Sent as a copy, with its properties, because the class is registered. */
class Overdrawn extends Error {
  missing = 0;
}

class Shop extends Root {
  remote_buy(): never {
    throw new SoldOut("no apples today");
  }
  remote_pay(): never {
    throw Object.assign(new Overdrawn("not enough money"), { missing: 30 });
  }
  remote_count(): never {
    throw new Error("the table fruit is locked by process 4711");
  }
}

const types = new TypeRegistry().registerCopy("shop.Overdrawn", Overdrawn);
const server: BrokerOptions = {
  root: new Shop(),
  types,
  // Sends the messages of `PBError` only.
  describeError: (error) =>
    error instanceof PBError ? describeError(error) : { ...describeError(error), message: "internal error" },
};
// Turns the remote class `shop.SoldOut` into the local class `SoldOut`.
const { client } = await connectedPair(server, { types, errorClasses: { "shop.SoldOut": SoldOut } });
const shop = await client.getRootObject<Shop>();

const bought = await shop.call.buy().catch((error: unknown) => error);
if (bought instanceof SoldOut) console.log(bought.message, bought.cause instanceof RemoteError);

const paid = await shop.call.pay().catch((error: unknown) => error);
if (paid instanceof Overdrawn) console.log(paid.missing);

console.log(await shop.call.count().catch(String));
