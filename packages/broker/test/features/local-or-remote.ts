// A program that works with a local object and with a remote one, and returns a log of what happened.

import { PBError, Referenceable, RemoteError, Root } from "@pb/broker";
import type { Reference, RemoteReference } from "@pb/broker";

export class SoldOut extends PBError {
  static override readonly remoteType: string = "shop.SoldOut";
}

export class Customer extends Referenceable {
  readonly received: string[] = [];

  constructor(readonly name: string) {
    super();
  }

  remote_name(): string {
    return this.name;
  }

  remote_sold(count: number, what: string): void {
    this.received.push(`${count} ${what}`);
  }
}

export class Till extends Referenceable {
  sold = 0;

  remote_total(): number {
    return this.sold;
  }
}

export class Shop extends Root {
  #apples = 5;
  readonly #till = new Till();

  async remote_buy(customer: RemoteReference<Customer>, count: number): Promise<string> {
    if (count > this.#apples) throw new SoldOut(`only ${this.#apples} apples`);
    this.#apples -= count;
    this.#till.sold += count;
    await customer.callRemote("sold", count, "apples");
    return `sold ${count} apples to ${await customer.callRemote("name")}, ${this.#apples} left`;
  }

  remote_till(): Till {
    return this.#till;
  }

  remote_isTill(till: unknown): boolean {
    return till === this.#till;
  }
}

export async function scenario(shop: Reference<Shop>): Promise<string[]> {
  const log: string[] = [];
  const ann = new Customer("Ann");
  log.push(await shop.callRemote("buy", ann, 2));
  log.push(`Ann received: ${ann.received.join(", ")}`);
  const till = await shop.callRemote("till");
  log.push(`the till: ${await till.callRemote("total")}`);
  try {
    await shop.call.buy(ann, 9);
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error;
    const isExpected = error.is("twisted.spread.pb.Error");
    log.push(`RemoteError ${error.remoteType}: ${error.message}, is an error of PB: ${isExpected}`);
  }
  const missing = await (shop as unknown as Reference).callRemote("steal").catch((error: unknown) => error);
  log.push(`missing method rejects: ${missing instanceof RemoteError && missing.is("builtins.AttributeError")}`);
  log.push(`reference returned to its owner: ${await shop.callRemote("isTill", till)}`);
  return log;
}
