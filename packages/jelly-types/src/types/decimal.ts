// Decimals: an integer coefficient and a power of ten, without loss.

import { formatFloat, madeBy, NUMBER_HEAP } from "@pb/banana";
import type { PackageCopy } from "@pb/banana";
import { JellyError } from "../errors.js";
import type { JellyReader, TypeHandler } from "../handler.js";
import { thisCopy } from "../this-copy.js";

/**
 * The largest exponent, positive or negative. Python allows exponents up to a hundred times as large, which a
 * JavaScript number cannot hold.
 */
const MAX_EXPONENT = Number.MAX_SAFE_INTEGER;
/** {@link Decimal.parse} refuses longer text: no decimal in practice has so many digits. */
const MAX_TEXT_LENGTH = 10_000;

/**
 * A Python `Decimal`. It keeps the value and the precision: 1.10 is not 1.1. It has no arithmetic. There is no negative
 * zero (Twisted loses its sign), no NaN and no infinity (Twisted cannot send them).
 */
export class Decimal {
  /** For the compiler only: no other class, interface or literal has the type of this class. */
  declare private readonly brand: "Decimal";

  readonly coefficient: bigint;
  /** The power of ten that the coefficient is multiplied by: 9.95 has the coefficient 995 and the exponent -2. */
  readonly exponent: number;

  /** Throws `TypeError` for an exponent that is not an integer, `RangeError` for one that is not safe. */
  constructor(coefficient: bigint | number, exponent = 0) {
    if (!Number.isInteger(exponent))
      throw new TypeError(`The exponent of a Decimal must be an integer, not ${exponent}`);
    if (Math.abs(exponent) > MAX_EXPONENT) throw new RangeError(`The exponent ${exponent} is too large for a Decimal`);
    this.coefficient = BigInt(coefficient);
    this.exponent = exponent === 0 ? 0 : exponent;
  }

  /**
   * Parses the text that Python's `Decimal(text)` accepts. Throws `TypeError` for other text, for NaN and for
   * infinities.
   */
  static parse(text: string): Decimal {
    // Blanks are removed first: an expression with blanks at both ends takes quadratic time for text of blanks.
    const match =
      text.length > MAX_TEXT_LENGTH ? null : /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(text.trim());
    const [, sign = "", whole = "", fraction = "", power = "0"] = match ?? [];
    if (match === null || whole + fraction === "") throw new TypeError("This text is not a finite decimal number");
    const coefficient = BigInt(whole + fraction);
    return new Decimal(sign === "-" ? -coefficient : coefficient, Number(power) - fraction.length);
  }

  /** Whether both the coefficient and the exponent are equal: 1.10 does not equal 1.1. */
  equals(other: Decimal): boolean {
    return this.coefficient === other.coefficient && this.exponent === other.exponent;
  }

  /** The nearest JavaScript number. */
  toNumber(): number {
    return Number(`${this.coefficient}e${this.exponent}`);
  }

  /** The text of Python's `str()`: `9.95`, `1E+3`, `0.00`, `1E-30`. */
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

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
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
    if (items < 2) throw new JellyError("JELLY_MALFORMED", "A decimal needs a coefficient and an exponent");
    const { offset } = unjellier.reader;
    const coefficient = readCoefficient(unjellier);
    unjellier.charge(NUMBER_HEAP + unjellier.reader.offset - offset);
    const exponent = Number(unjellier.reader.integer());
    if (Math.abs(exponent) > MAX_EXPONENT)
      throw new JellyError("JELLY_MALFORMED", "The exponent of a decimal is too large");
    unjellier.skip(items - 2);
    return new Decimal(coefficient, exponent);
  },
};

/** Reads the coefficient. Like Twisted, takes the decimal digits of a float: 1.5 is 15 (wire specification 4.3). */
function readCoefficient({ reader }: JellyReader): bigint {
  if (reader.kind() !== "float") return BigInt(reader.integer());
  const value = reader.float();
  if (!Number.isFinite(value))
    throw new JellyError("JELLY_MALFORMED", `The coefficient of a decimal cannot be ${formatFloat(value)}`);
  return exactDigits(value);
}

/** All decimal digits of a double. There are finitely many, because a double is an integer times a power of two. */
function exactDigits(value: number): bigint {
  let shift = 0;
  let scaled = value;
  while (!Number.isInteger(scaled)) {
    scaled *= 2;
    shift++;
  }
  return BigInt(scaled) * 5n ** BigInt(shift);
}
