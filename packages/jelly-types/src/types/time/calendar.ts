// Ranges, wire form and text form that the four time types share.

import { JellyError } from "../../errors.js";
import type { JellyReader, JellyWriter } from "../../handler.js";

/** The number of digits that Python's `int()` accepts. */
const MAX_DIGITS = 4300;

/** Throws `RangeError` when `value` is not an integer from `least` to `most`. */
export function requireRange(name: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most)
    throw new RangeError(`The ${name} must be an integer from ${least} to ${most}, not ${value}`);
}

/**
 * Throws `RangeError` for a date that does not exist. The Gregorian calendar applies to all years 1 to 9999, as in
 * Python.
 */
export function requireDate(year: number, month: number, day: number): void {
  requireRange("year", year, 1, 9999);
  requireRange("month", month, 1, 12);
  requireRange("day", day, 1, daysIn(year, month));
}

export function requireTime(hour: number, minute: number, second: number, microsecond: number): void {
  requireRange("hour", hour, 0, 23);
  requireRange("minute", minute, 0, 59);
  requireRange("second", second, 0, 59);
  requireRange("microsecond", microsecond, 0, 999_999);
}

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** `new Date(Date.UTC(…))`, which would map the years 1 to 99 to 1901 to 1999. */
export function utcDate(
  year: number,
  month: number,
  day: number,
  hour = 0,
  minute = 0,
  second = 0,
  microsecond = 0,
): Date {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second, Math.floor(microsecond / 1000));
  return date;
}

export function pad(value: number, digits: number): string {
  return String(value).padStart(digits, "0");
}

/** `.000344`; the empty string for zero. */
export function fractionOf(microsecond: number): string {
  return microsecond === 0 ? "" : `.${pad(microsecond, 6)}`;
}

/** The microseconds of the digits after the decimal point: `5` is 500,000. */
export function microsecondsOf(fraction: string | undefined): number {
  return fraction === undefined ? 0 : Number(fraction.padEnd(6, "0"));
}

/** Writes `(datetime '2020 7 11 1 16 5 344')`: decimal numbers, separated by single spaces. */
export function writeNumbers(atom: string, numbers: readonly number[], { writer }: JellyWriter): void {
  writer.list(2);
  writer.word(atom);
  writer.word(numbers.join(" "));
}

/**
 * Reads between `least` and `most` such numbers, as Python's `int()` does, and passes them to `make`. A `RangeError` of
 * `make` becomes `JELLY_MALFORMED`.
 */
export function readNumbers<T>(
  unjellier: JellyReader,
  items: number,
  atom: string,
  [least, most]: readonly [number, number],
  make: (...numbers: bigint[]) => T,
): T {
  if (items < 1) throw new JellyError("JELLY_MALFORMED", `A ${atom} needs numbers`);
  const words = unjellier.reader
    .word()
    .split(/[ \t\n\r\v\f]+/)
    .filter((word) => word !== "");
  unjellier.skip(items - 1);
  if (words.length < least || words.length > most)
    throw new JellyError("JELLY_MALFORMED", `A ${atom} needs ${range(least, most)} numbers, not ${words.length}`);
  const numbers = words.map((word) => integerOf(word, atom));
  try {
    return make(...numbers);
  } catch (error) {
    if (error instanceof RangeError) throw new JellyError("JELLY_MALFORMED", `This is not a ${atom}: ${error.message}`);
    throw error;
  }
}

function integerOf(word: string, atom: string): bigint {
  if (word.length > MAX_DIGITS || !/^[+-]?\d+(_\d+)*$/.test(word))
    throw new JellyError("JELLY_MALFORMED", `A ${atom} must contain integers only`);
  const magnitude = BigInt(word.replace(/^[+-]/, "").replaceAll("_", ""));
  return word.startsWith("-") ? -magnitude : magnitude;
}

function range(least: number, most: number): string {
  return least === most ? String(least) : `${least} to ${most}`;
}
