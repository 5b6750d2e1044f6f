// `DateTime`, a Python `datetime` without a time zone; and `Date`, which is written as one.

import { madeBy, SLOT_HEAP } from "@pb/banana";
import type { PackageCopy } from "@pb/banana";
import { JellyError } from "../../errors.js";
import type { ReadingHandler, WritingHandler } from "../../handler.js";
import {
  fractionOf,
  microsecondsOf,
  pad,
  readNumbers,
  requireDate,
  requireTime,
  utcDate,
  writeNumbers,
} from "./calendar.js";
import { thisCopy } from "../../this-copy.js";

/**
 * A naive Python `datetime`. Both peers must agree on the time zone; {@link DateTime.fromDate} and {@link toDate} use
 * UTC.
 */
export class DateTime {
  /** For the compiler only: no other class, interface or literal has the type of this class. */
  declare private readonly brand: "DateTime";

  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly microsecond: number;

  /**
   * Throws `RangeError` for a time that Python does not have: years other than 1 to 9999, a 30th of February, a leap
   * second.
   */
  constructor(year: number, month: number, day: number, hour = 0, minute = 0, second = 0, microsecond = 0) {
    requireDate(year, month, day);
    requireTime(hour, minute, second, microsecond);
    // `| 0` makes a small integer of the result of `Number(bigint)`, which V8 would keep in a box of 16 bytes.
    this.year = year | 0;
    this.month = month | 0;
    this.day = day | 0;
    this.hour = hour | 0;
    this.minute = minute | 0;
    this.second = second | 0;
    this.microsecond = microsecond | 0;
  }

  /**
   * The UTC date and time of a `Date`. Throws `RangeError` for an invalid `Date`, and for years other than 1 to 9999.
   */
  static fromDate(date: Date): DateTime {
    return new DateTime(
      date.getUTCFullYear(),
      date.getUTCMonth() + 1,
      date.getUTCDate(),
      date.getUTCHours(),
      date.getUTCMinutes(),
      date.getUTCSeconds(),
      date.getUTCMilliseconds() * 1000,
    );
  }

  /** Parses ISO 8601 without a time zone, as {@link toString} writes it. Throws `RangeError` for any other text. */
  static parse(text: string): DateTime {
    const match = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?)?$/.exec(text);
    if (match === null) throw new RangeError("This text is not an ISO 8601 date and time without a time zone");
    const [, year, month, day, hour = 0, minute = 0, second = 0, fraction] = match;
    return new DateTime(
      Number(year),
      Number(month),
      Number(day),
      Number(hour),
      Number(minute),
      Number(second),
      microsecondsOf(fraction),
    );
  }

  /** The `Date` of this time in UTC. The microseconds below a millisecond are lost. */
  toDate(): Date {
    return utcDate(this.year, this.month, this.day, this.hour, this.minute, this.second, this.microsecond);
  }

  equals(other: DateTime): boolean {
    return this.toString() === other.toString();
  }

  /** ISO 8601: `2020-07-11T01:16:05.000344`. */
  toString(): string {
    return (
      `${pad(this.year, 4)}-${pad(this.month, 2)}-${pad(this.day, 2)}` +
      `T${pad(this.hour, 2)}:${pad(this.minute, 2)}:${pad(this.second, 2)}${fractionOf(this.microsecond)}`
    );
  }

  toJSON(): string {
    return this.toString();
  }

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}

export const dateTime: ReadingHandler<DateTime> & WritingHandler<DateTime> = {
  atoms: ["datetime"],
  classes: [DateTime],
  isScalar: true,
  jelly({ year, month, day, hour, minute, second, microsecond }, jellier) {
    writeNumbers("datetime", [year, month, day, hour, minute, second, microsecond], jellier);
  },
  unjelly(unjellier, items) {
    unjellier.charge(3 * SLOT_HEAP); // The unjellier has charged an instance with four fields.
    return readNumbers(unjellier, items, "datetime", [3, 7], (year, month, day, ...time) => {
      const [hour, minute, second, microsecond] = time.map(Number);
      return new DateTime(Number(year), Number(month), Number(day), hour, minute, second, microsecond);
    });
  },
};

/** Only writes, as a datetime in UTC. A datetime is never read as a `Date`, which would lose microseconds. */
export const date: WritingHandler<Date> = {
  atoms: [],
  classes: [Date],
  isScalar: true,
  jelly(value, jellier) {
    let utc: DateTime;
    try {
      utc = DateTime.fromDate(value);
    } catch (cause) {
      throw new JellyError("JELLY_NOT_JELLYABLE", "Only dates of the years 1 to 9999 can be sent", { cause });
    }
    dateTime.jelly(utc, jellier);
  },
};
