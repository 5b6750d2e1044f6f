// `TimeOfDay`, a Python `time` without a time zone.

import { madeBy } from "@pb/banana";
import type { PackageCopy } from "@pb/banana";
import type { ReadingHandler, WritingHandler } from "../../handler.js";
import { fractionOf, microsecondsOf, pad, readNumbers, requireTime, writeNumbers } from "./calendar.js";
import { thisCopy } from "../../this-copy.js";

/** A naive Python `time`. */
export class TimeOfDay {
  /** For the compiler only: no other class, interface or literal has the type of this class. */
  declare private readonly brand: "TimeOfDay";

  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly microsecond: number;

  /** Throws `RangeError` for a time that is not part of a day. */
  constructor(hour = 0, minute = 0, second = 0, microsecond = 0) {
    requireTime(hour, minute, second, microsecond);
    // `| 0` makes a small integer of the result of `Number(bigint)`, which V8 would keep in a box of 16 bytes.
    this.hour = hour | 0;
    this.minute = minute | 0;
    this.second = second | 0;
    this.microsecond = microsecond | 0;
  }

  /** Parses the result of {@link toString}. Throws `RangeError` for any other text. */
  static parse(text: string): TimeOfDay {
    const match = /^(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?$/.exec(text);
    if (match === null) throw new RangeError("This text is not an ISO 8601 time without a time zone");
    const [, hour, minute, second = 0, fraction] = match;
    return new TimeOfDay(Number(hour), Number(minute), Number(second), microsecondsOf(fraction));
  }

  equals(other: TimeOfDay): boolean {
    return this.toString() === other.toString();
  }

  /** ISO 8601: `01:16:05.000344`. */
  toString(): string {
    return `${pad(this.hour, 2)}:${pad(this.minute, 2)}:${pad(this.second, 2)}${fractionOf(this.microsecond)}`;
  }

  toJSON(): string {
    return this.toString();
  }

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}

export const timeOfDay: ReadingHandler<TimeOfDay> & WritingHandler<TimeOfDay> = {
  atoms: ["time"],
  classes: [TimeOfDay],
  isScalar: true,
  jelly: ({ hour, minute, second, microsecond }, jellier) =>
    writeNumbers("time", [hour, minute, second, microsecond], jellier),
  unjelly: (unjellier, items) =>
    readNumbers(unjellier, items, "time", [0, 4], (...numbers) => new TimeOfDay(...numbers.map(Number))),
};
