// `CalendarDate`, a Python `date`.

import { madeBy } from "@pb/banana";
import type { PackageCopy } from "@pb/banana";
import type { ReadingHandler, WritingHandler } from "../../handler.js";
import { pad, readNumbers, requireDate, utcDate, writeNumbers } from "./calendar.js";
import { thisCopy } from "../../this-copy.js";

/** A Python `date`. */
export class CalendarDate {
  /** For the compiler only: no other class, interface or literal has the type of this class. */
  declare private readonly brand: "CalendarDate";

  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;

  /** Throws `RangeError` for a date that Python does not have: years other than 1 to 9999, a 30th of February. */
  constructor(year: number, month: number, day: number) {
    requireDate(year, month, day);
    this.year = year;
    this.month = month;
    this.day = day;
  }

  /** Parses the result of {@link toString}. Throws `RangeError` for any other text. */
  static parse(text: string): CalendarDate {
    const match = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text);
    if (match === null) throw new RangeError("This text is not an ISO 8601 date");
    return new CalendarDate(Number(match[1]), Number(match[2]), Number(match[3]));
  }

  /** Midnight UTC of this day. */
  toDate(): Date {
    return utcDate(this.year, this.month, this.day);
  }

  equals(other: CalendarDate): boolean {
    return this.toString() === other.toString();
  }

  /** ISO 8601: `2020-07-11`. */
  toString(): string {
    return `${pad(this.year, 4)}-${pad(this.month, 2)}-${pad(this.day, 2)}`;
  }

  toJSON(): string {
    return this.toString();
  }

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}

export const calendarDate: ReadingHandler<CalendarDate> & WritingHandler<CalendarDate> = {
  atoms: ["date"],
  classes: [CalendarDate],
  isScalar: true,
  jelly: ({ year, month, day }, jellier) => writeNumbers("date", [year, month, day], jellier),
  unjelly: (unjellier, items) =>
    readNumbers(
      unjellier,
      items,
      "date",
      [3, 3],
      (year, month, day) => new CalendarDate(Number(year), Number(month), Number(day)),
    ),
};
