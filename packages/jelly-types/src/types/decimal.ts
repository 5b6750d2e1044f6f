// Decimals: a whole coefficient and a power of ten, nothing lost.

import { formatFloat } from "@pb/banana";
import { JellyError } from "../errors.js";
import type { JellyReader, TypeHandler } from "../handler.js";

/** Python goes a hundred times further; a JavaScript number does not, and nothing anybody measured does. */
const MAX_EXPONENT = Number.MAX_SAFE_INTEGER;
/** Decimals written as text longer than this are no numbers anybody meant. */
const LONGEST_TEXT = 10_000;

/**
 * A Python `Decimal`, value and precision both: 1.10 is not 1.1. It carries and compares; it does not calculate. Negative zero does not
 * exist (Twisted loses its sign), nor do NaN and infinity (Twisted cannot send them).
 */
export class Decimal {
  readonly coefficient: bigint;
  /** The power of ten that the coefficient is multiplied with: 9.95 is 995 and -2. */
  readonly exponent: number;

  /** Throws `TypeError` for an exponent that is not an integer, `RangeError` for one that is not safe. */
  constructor(coefficient: bigint | number, exponent = 0) {
    if (!Number.isInteger(exponent)) throw new TypeError(`The exponent of a Decimal is an integer, not ${exponent}`);
    if (Math.abs(exponent) > MAX_EXPONENT) throw new RangeError(`The exponent ${exponent} is too large for a Decimal`);
    this.coefficient = BigInt(coefficient);
    this.exponent = exponent === 0 ? 0 : exponent;
  }

  /** The decimal that Python's `Decimal(text)` is. Throws `TypeError` for other text, and for NaN and infinities. */
  static parse(text: string): Decimal {
    const match = text.length > LONGEST_TEXT ? null : /^\s*([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?\s*$/.exec(text);
    const [, sign = "", whole = "", fraction = "", power = "0"] = match ?? [];
    if (match === null || whole + fraction === "") throw new TypeError("This text is not a finite decimal number");
    const coefficient = BigInt(whole + fraction);
    return new Decimal(sign === "-" ? -coefficient : coefficient, Number(power) - fraction.length);
  }

  /** The very same decimal: 1.10 does not equal 1.1. */
  equals(other: Decimal): boolean {
    return this.coefficient === other.coefficient && this.exponent === other.exponent;
  }

  /** The nearest JavaScript number. */
  toNumber(): number {
    return Number(`${this.coefficient}e${this.exponent}`);
  }

  /** As Python's `str()` has it: `9.95`, `1E+3`, `0.00`, `1E-30`. */
  toString(): string {
    const sign = this.coefficient < 0n ? "-" : "";
    const digits = String(this.coefficient < 0n ? -this.coefficient : this.coefficient);
    const leftDigits = this.exponent + digits.length;
    const isPlain = this.exponent <= 0 && leftDigits > -6;
    const point = isPlain ? leftDigits : 1;
    const whole = point <= 0 ? "0" : digits.slice(0, point);
    const fraction = point <= 0 ? "0".repeat(-point) + digits : digits.slice(point);
    const power = leftDigits - point;
    return (
      sign + whole + (fraction === "" ? "" : `.${fraction}`) + (power === 0 ? "" : `E${power > 0 ? "+" : ""}${power}`)
    );
  }

  toJSON(): string {
    return this.toString();
  }
}

export const decimal: TypeHandler<Decimal> = {
  atoms: ["decimal"],
  classes: [Decimal],
  isScalar: true,
  jelly(value, { writer }) {
    writer.list(3);
    writer.word("decimal");
    writer.integer(value.coefficient);
    writer.integer(value.exponent);
  },
  unjelly(unjellier, items) {
    if (items < 2) throw new JellyError("JELLY_MALFORMED", "A decimal has a coefficient and an exponent");
    const coefficient = readCoefficient(unjellier);
    const exponent = Number(unjellier.reader.integer());
    if (Math.abs(exponent) > MAX_EXPONENT)
      throw new JellyError("JELLY_MALFORMED", "The exponent of a decimal is too large");
    unjellier.skip(items - 2);
    return new Decimal(coefficient, exponent);
  },
};

/** Twisted takes the decimal digits of whatever number is there: 1.5 is 15 (wire specification 4.3). */
function readCoefficient({ reader }: JellyReader): bigint {
  if (reader.kind() !== "float") return BigInt(reader.integer());
  const value = reader.float();
  if (!Number.isFinite(value))
    throw new JellyError("JELLY_MALFORMED", `${formatFloat(value)} has no digits for a decimal`);
  return exactDigits(value);
}

/** All digits of a double, which is a sum of powers of two and so a decimal of finite length. */
function exactDigits(value: number): bigint {
  let shift = 0;
  let scaled = value;
  while (!Number.isInteger(scaled)) {
    scaled *= 2;
    shift++;
  }
  return BigInt(scaled) * 5n ** BigInt(shift);
}
