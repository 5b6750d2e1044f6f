// Orders from callbacks.py, which calls back: errors of this program reach Python, and Python's errors this program.

import { PBError, Referenceable } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { TypeRegistry } from "@pb/jelly-types";
import { connect } from "@pb/node-transport";

class OutOfStock extends PBError {
  static override readonly remoteType = "callbacks.OutOfStock";
}

/** Reaches Python with its limit, because Python has registered the class. */
class PriceTooHigh extends Error {
  static readonly isExpected = true;
  limit = 0;
}

/** Python does not know this class. */
class NotHungry extends PBError {
  static override readonly remoteType = "orders.NotHungry";
}

class Buyer extends Referenceable {
  constructor(readonly desk: RemoteReference<Desk>) {
    super();
  }
  async remote_accept(item: string, price: number): Promise<number> {
    if (price > 10) throw Object.assign(new PriceTooHigh("too much"), { limit: 10 });
    if (item === "pear") await this.desk.call.stock("kiwi"); // fails while Python waits for this method
    return 3;
  }
}

class Sated extends Referenceable {
  remote_accept(): never {
    throw new NotHungry("no, thanks");
  }
}

interface Desk {
  order(item: string, buyer: RemoteReference<Buyer | Sated>): string;
  stock(item: string): number;
}

export async function main(address: string, print: (line: string) => void): Promise<void> {
  const types = new TypeRegistry().registerCopy("orders.PriceTooHigh", PriceTooHigh);
  const errorClasses = { "callbacks.OutOfStock": OutOfStock };
  await using connection = await connect(address, { broker: { types, errorClasses, errorCopies: true } });
  const desk = await connection.getRootObject<Desk>();
  const buyer = new Buyer(desk);

  print(await desk.call.order("melon", buyer));
  print(await desk.call.order("pear", buyer));
  print(await desk.call.order("pear", new Sated()));
  try {
    await desk.call.order("kiwi", buyer);
  } catch (error) {
    if (!(error instanceof OutOfStock)) throw error;
    print(`No ${error.message} in stock`);
  }
}
