import { Root } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";

class Money {
  readonly #cents: number;
  readonly currency: string;

  constructor(cents: number, currency: string) {
    this.#cents = cents;
    this.currency = currency;
  }

  get cents() {
    return this.#cents;
  }

  toString() {
    return `${this.#cents / 100} ${this.currency}`;
  }
}

// Both ends register the class under the same name.
const types = new TypeRegistry().registerCopy("shop.Money", Money, {
  getState: ({ cents, currency }) => ({ cents, currency }),
  create: ({ cents, currency }) => new Money(cents, currency),
});

class PriceService extends Root {
  remote_double(price: Money) {
    return new Money(price.cents * 2, price.currency);
  }
}

const { client } = await connectedPair({ root: new PriceService(), types }, { types });
const prices = await client.getRootObject<PriceService>();
const price = await prices.call.double(new Money(450, "EUR"));
console.log(price instanceof Money, String(price));
