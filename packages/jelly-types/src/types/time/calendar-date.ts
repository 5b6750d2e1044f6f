// A day of the calendar.

import type { TypeHandler } from "../../handler.js";
import { pad, readNumbers, requireDate, utcDate, writeNumbers } from "./calendar.js";

/** A Python `date`. */
export class CalendarDate {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;

  /** Throws `RangeError` outside of Python's ranges: the years 1 to 9999, no 30th of February. */
  constructor(year: number, month: number, day: number) {
    requireDate(year, month, day);
    this.year = year;
    this.month = month;
    this.day = day;
  }

  /** Reads what {@link toString} writes. Throws `RangeError` for anything else. */
  static parse(text: string): CalendarDate {
    const match = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text);
    if (match === null) throw new RangeError("This text is not a date in ISO 8601");
    return new CalendarDate(Number(match[1]), Number(match[2]), Number(match[3]));
  }

  /** Midnight UTC. */
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
}

export const calendarDate: TypeHandler<CalendarDate> = {
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
