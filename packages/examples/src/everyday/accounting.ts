// A ledger for accounting.py: amounts, days, times, bytes and large integers from and to Python.

import { PBError, Root } from "@pb/broker";
import { DateTime, Decimal, TypeRegistry } from "@pb/jelly-types";
import type { CalendarDate, TimeDelta } from "@pb/jelly-types";
import { listen } from "@pb/node-transport";
import type { Server } from "@pb/node-transport";

class Receipt {
  constructor(
    readonly number: number,
    readonly total: Decimal,
    readonly booked: DateTime,
    readonly scan: Uint8Array | null,
  ) {}
}

class NotMoney extends PBError {
  static override readonly remoteType = "ledger.NotMoney";
}

/** The exact sum, with as many digits as the more precise of the two. */
function add(one: Decimal, other: Decimal): Decimal {
  const exponent = Math.min(one.exponent, other.exponent);
  const scaled = ({ coefficient, exponent: own }: Decimal): bigint => coefficient * 10n ** BigInt(own - exponent);
  return new Decimal(scaled(one) + scaled(other), exponent);
}

class Ledger extends Root {
  #total = Decimal.parse("0");
  #last = 0;
  #due: CalendarDate | undefined;

  remote_book(amount: Decimal, day: CalendarDate, scan: Uint8Array | null): Receipt {
    if (!(amount instanceof Decimal)) throw new NotMoney(`not an amount: ${String(amount)}`);
    this.#total = add(this.#total, amount);
    this.#due = day;
    const booked = new DateTime(day.year, day.month, day.day, 23, 59, 59, 999_999);
    return new Receipt(++this.#last, this.#total, booked, scan);
  }

  remote_balance(term: TimeDelta): [Decimal, Date | null] {
    if (this.#due === undefined) return [this.#total, null];
    const { year, month, day } = this.#due;
    return [this.#total, new Date(Date.UTC(year, month - 1, day + term.days))];
  }

  remote_count(number: number | bigint): bigint {
    return BigInt(number) + 1n;
  }
}

export function main(address: string): Promise<Server> {
  const types = new TypeRegistry().registerCopy("ledger.Receipt", Receipt);
  return listen(address, new Ledger(), { broker: { types } });
}
