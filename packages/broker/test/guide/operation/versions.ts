import { Copyable, kwargs, PBError, RemoteCopy, remoteCopy, RemoteError, Root } from "@pb/broker";
import type { BrokerOptions, KwargsOf } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";

class SoldOut extends PBError {
  static override readonly remoteType: string = "shop.SoldOut";
}

/** New in version 2. An older peer knows its parent. */
class NotInSeason extends SoldOut {
  static override readonly remoteType = "shop.NotInSeason";
}

class Fruit extends Copyable {
  static readonly remoteType: string = "shop.Fruit";
  declare readonly state: object;

  static of(state: object) {
    return Object.assign(Object.create(this.prototype) as Fruit, { state });
  }
  override getStateToCopyFor() {
    return this.state;
  }
}

/** The name of the class from version 2 on. It is sent only when every peer registers it. */
class Produce extends Fruit {
  static override readonly remoteType = "shop.Produce";
}

/** A received fruit. A getter gives each field that a peer of another version may not send a default. */
class FruitCopy extends RemoteCopy {
  declare readonly name: string;
  declare readonly state?: "fresh" | "dried";
  get keeps() {
    return this.state === "dried" ? "a year" : this.state === "fresh" ? "a week" : "unknown"; // also other values
  }
}

class Shop1 extends Root {
  remote_buy(name: string) {
    if (name === "plum") throw new SoldOut("no plums today");
    return Fruit.of({ name });
  }
}

class Shop2 extends Root {
  // The new parameters are optional, and come last or by name.
  remote_buy(name: string, count = 1, options?: KwargsOf<{ gift?: boolean }>) {
    if (name === "plum") throw new NotInSeason("plums ripen in August");
    const gift = options?.gift === true ? " as a gift" : "";
    return name === "kale" ? Produce.of({ name }) : Fruit.of({ name: `${count} ${name}${gift}`, state: "frozen" });
  }
  remote_prices() {
    return { apple: 2 };
  }
}

const types1 = new TypeRegistry().register(remoteCopy("shop.Fruit", FruitCopy));
const types2 = new TypeRegistry()
  .register(remoteCopy("shop.Fruit", FruitCopy))
  .register(remoteCopy("shop.Produce", FruitCopy)); // both names, before the first peer sends the new one

const errorClasses = { "shop.SoldOut": SoldOut };
const describeFailure = (error: unknown) =>
  error instanceof RemoteError
    ? error.remoteType
    : error instanceof Error
      ? `${error.constructor.name}: ${error.message}`
      : "";

async function show(title: string, root: Root, client: BrokerOptions, isNew: boolean) {
  await using pair = await connectedPair({ root }, { errorClasses, ...client });
  const shop = await pair.client.getRootObject<Shop2>();
  const more = isNew ? [3, kwargs({ gift: true })] : [];
  const fruit = (await shop.callRemote("buy", "apple", ...(more as []))) as unknown as FruitCopy;
  console.log(`${title}: ${fruit.name}, keeps ${fruit.keeps}`);
  console.log("  an error:", await shop.callRemote("buy", "plum").catch(describeFailure));
  if (isNew) console.log("  a new method:", await shop.callRemote("prices").catch(describeFailure));
  else console.log("  a new class:", await shop.callRemote("buy", "kale").catch(describeFailure));
}

await show("an older client of a newer server", new Shop2(), { types: types1 }, false);
await show("a newer client of an older server", new Shop1(), { types: types2 }, true);
