import { kwargs, Referenceable, RemoteError } from "@pb/broker";
import type { KwargsOf, RemoteReference } from "@pb/broker";
import { TypeRegistry } from "@pb/jelly-types";
import { connect } from "../../../../node-transport/src/index.js";

/** The copy of a Python `Fruit`. */
class Fruit {
  declare readonly name: string;
  declare readonly price: string;
}

class Customer extends Referenceable {
  remote_special(offer: string) {
    console.log(`special offer: ${offer}`);
  }
}

/** The methods of the Python class `Shop`. */
interface Shop {
  fruit(name: string, options?: KwargsOf<{ currency: string }>): Fruit;
  tell(customer: RemoteReference<Customer>): void;
}

const types = new TypeRegistry().registerCopy("shop.Fruit", Fruit);
await using connection = await connect("tcp:localhost:8787", { broker: { types } });
const shop = await connection.getRootObject<Shop>();

const pear = await shop.call.fruit("pear", kwargs({ currency: "SEK" }));
console.log(pear instanceof Fruit, pear.name, pear.price);
await shop.call.tell(new Customer());
try {
  await shop.call.fruit("apple");
} catch (error) {
  if (error instanceof RemoteError && error.is("__main__.SoldOut")) console.log(error.message);
}
