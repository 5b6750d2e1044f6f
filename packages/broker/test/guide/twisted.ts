import { kwargs, Referenceable, RemoteError } from "@pb/broker";
import type { KwargsOf, RemoteReference } from "@pb/broker";
import { TypeRegistry } from "@pb/jelly-types";
import { connect } from "../../../node-transport/src/index.js";

class Fruit {
  declare readonly name: string;
  declare readonly price: string;
}

class Customer extends Referenceable {
  remote_special(what: string) {
    console.log(`special: ${what}`);
  }
}

interface Shop {
  fruit(name: string, options?: KwargsOf<{ currency: string }>): Fruit;
  tell(customer: RemoteReference<Customer>): void;
}

const types = new TypeRegistry().registerCopy("shop.Fruit", Fruit);
await using connection = await connect("tcp:localhost:8787", { broker: { types } });
const shop = await connection.getRootObject<Shop>();

const pear = await shop.callRemote("fruit", "pear", kwargs({ currency: "SEK" }));
console.log(pear instanceof Fruit, pear.name, pear.price);
await shop.callRemote("tell", new Customer());
try {
  await shop.callRemote("fruit", "apple");
} catch (error) {
  if (error instanceof RemoteError && error.is("__main__.SoldOut")) console.log(error.message);
}
