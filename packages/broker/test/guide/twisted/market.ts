import { PageCollector, Referenceable } from "@pb/broker";
import type { PageCollectorMethods, RemoteReference, Viewable } from "@pb/broker";
import { SecurityPolicy, TypeRegistry } from "@pb/jelly-types";
import { connect } from "../../../../node-transport/src/index.js";

/** The copy of a Python `Item`. Its constructor does not run: no initializers, but `declare` or a getter. */
class Item {
  declare readonly name: string;
  declare readonly stock: ReadonlyMap<number, string>;
  declare readonly discount?: number;

  get price() {
    return 10 - (this.discount ?? 0);
  }
}

/** Thrown by a method of this program; Python receives its properties. */
class OutOfStock extends Error {
  static readonly isExpected = true; // not reported as a failure of this program
  missing = 0;
}

class Supplier extends Referenceable {
  remote_deliver(count: number): number {
    throw Object.assign(new OutOfStock("not enough"), { missing: count - 7 });
  }
}

/** A Viewable of the Python server. Its first parameter is the avatar of the caller, which the server passes. */
interface Board extends Viewable {
  view_post(member: unknown, text: string): string;
}

interface Market {
  item(name: string): Item;
  board(): Board;
  log(day: string, collector: RemoteReference<PageCollectorMethods<Uint8Array>>, size: number): void;
  share(): number;
  order(supplier: RemoteReference<Supplier>): string;
}

const types = new TypeRegistry()
  .registerCopy("market.Item", Item, { aliases: ["__main__.Item"] }) // one class under two names of Python
  .registerCopy("market.OutOfStock", OutOfStock);
await using connection = await connect("tcp:localhost:8787", {
  broker: {
    types,
    errorCopies: true, // only if the Python program has registered the classes
    exactness: { dicts: "map" }, // dicts arrive as maps: keys need not be text
    policy: SecurityPolicy.standard.refuseTypes("unpersistable"), // instead of a value that says nothing
  },
  liveness: { answerMs: 300_000 }, // a Python method that computes for minutes blocks its reactor
});
const market = await connection.getRootObject<Market>();

const pears = await market.call.item("pears");
console.log(pears instanceof Item, pears.stock.get(2), pears.price);

const board = await market.call.board();
console.log(await board.call.post("fresh pears"));

const collector = new PageCollector<Uint8Array>(); // not the first argument, so `getPages` cannot pass it
await market.call.log("Monday", collector, 7);
for await (const page of collector) console.log(new TextDecoder().decode(page));

console.log(await market.call.order(new Supplier()));
console.log(await market.call.share().catch(String));
