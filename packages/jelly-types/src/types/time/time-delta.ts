// `TimeDelta`, a Python `timedelta`.

import { madeBy } from "@pb/banana";
import type { PackageCopy } from "@pb/banana";
import type { ReadingHandler, WritingHandler } from "../../handler.js";
import { fractionOf, readNumbers, writeNumbers } from "./calendar.js";
import { thisCopy } from "../../this-copy.js";

const SECOND = 1_000_000n;
const DAY = 86_400n * SECOND;
const MAX_DAYS = 999_999_999;

/**
 * A Python `timedelta`, normalized as in Python: `days` may be negative, `seconds` and `microseconds` are not. Minus
 * one second is -1 day and 86,399 seconds.
 */
export class TimeDelta {
  /** For the compiler only: no other class, interface or literal has the type of this class. */
  declare private readonly brand: "TimeDelta";

  readonly days: number;
  /** 0 to 86,399. */
  readonly seconds: number;
  /** 0 to 999,999. */
  readonly microseconds: number;

  /**
   * Normalizes any integers. Throws `RangeError` for a number that is not an integer, and for more than 999,999,999
   * days.
   */
  constructor(days: number | bigint = 0, seconds: number | bigint = 0, microseconds: number | bigint = 0) {
    const total = BigInt(days) * DAY + BigInt(seconds) * SECOND + BigInt(microseconds);
    const rest = ((total % DAY) + DAY) % DAY;
    this.days = Number((total - rest) / DAY);
    this.seconds = Number(rest / SECOND);
    this.microseconds = Number(rest % SECOND);
    if (Math.abs(this.days) > MAX_DAYS)
      throw new RangeError(`A TimeDelta of ${this.days} days is over the limit of ${MAX_DAYS}`);
  }

  /** Rounds to microseconds. Throws `RangeError` for NaN and infinities. */
  static fromMilliseconds(milliseconds: number): TimeDelta {
    const whole = Math.floor(milliseconds);
    return new TimeDelta(0, 0, BigInt(whole) * 1000n + BigInt(Math.round((milliseconds - whole) * 1000)));
  }

  /** The number of milliseconds, exact to the microsecond for less than 285 years. */
  toMilliseconds(): number {
    return (this.days * 86_400 + this.seconds) * 1000 + this.microseconds / 1000;
  }

  toMicroseconds(): bigint {
    return BigInt(this.days) * DAY + BigInt(this.seconds) * SECOND + BigInt(this.microseconds);
  }

  equals(other: TimeDelta): boolean {
    return this.toMicroseconds() === other.toMicroseconds();
  }

  /** ISO 8601, with the sign at the front: `P1DT2.000003S`, `-PT1S`, `PT0S`. */
  toString(): string {
    const total = this.toMicroseconds();
    const magnitude = total < 0n ? -total : total;
    const days = magnitude / DAY;
    const seconds = Number((magnitude % DAY) / SECOND);
    const fraction = fractionOf(Number(magnitude % SECOND));
    const time = seconds > 0 || fraction !== "" || days === 0n ? `T${seconds}${fraction}S` : "";
    return `${total < 0n ? "-" : ""}P${days > 0n ? `${days}D` : ""}${time}`;
  }

  toJSON(): string {
    return this.toString();
  }

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}

export const timeDelta: ReadingHandler<TimeDelta> & WritingHandler<TimeDelta> = {
  atoms: ["timedelta"],
  classes: [TimeDelta],
  isScalar: true,
  jelly: ({ days, seconds, microseconds }, jellier) =>
    writeNumbers("timedelta", [days, seconds, microseconds], jellier),
  unjelly: (unjellier, items) =>
    readNumbers(
      unjellier,
      items,
      "timedelta",
      [3, 3],
      (days, seconds, microseconds) => new TimeDelta(days, seconds, microseconds),
    ),
};
