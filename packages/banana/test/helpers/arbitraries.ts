// Generators for property tests: expressions, their bytes, invalid bytes, and chunk sizes.

import fc from "fast-check";
import { encode, Float, pb, Scanner } from "@pb/banana";
import type { BananaError, BananaLimits, Dialect, Expression } from "@pb/banana";

const words = [...pb.vocabulary!].map(([, word]) => new TextEncoder().encode(word));

const safeInteger = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer({ min: -300, max: 300 }),
  fc.constantFrom(...[7, 14, 21, 28, 31, 32, 35, 42, 49, 53].flatMap((bits) => around(2 ** bits))),
);
const bigInteger = fc
  .oneof(fc.bigInt({ min: -(2n ** 448n) + 1n, max: 2n ** 448n - 1n }), fc.constantFrom(...bigEdges()))
  .filter((value) => value < Number.MIN_SAFE_INTEGER || value > Number.MAX_SAFE_INTEGER);

/** All 2^64 doubles, as `decode` returns them. */
const double = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(doubleOf);
const usualDouble = fc
  .double()
  .map((value) => (Number.isSafeInteger(value) && !Object.is(value, -0) ? new Float(value) : value));

const leaf: fc.Arbitrary<Expression> = fc.oneof(
  safeInteger,
  bigInteger,
  double,
  usualDouble,
  fc.uint8Array({ maxLength: 40 }),
  fc.uint8Array({ minLength: 120, maxLength: 140 }),
  fc.string({ unit: "binary", maxLength: 40 }).map((text) => new TextEncoder().encode(text)),
  fc.constantFrom(...words),
);

/** Any expression, as `decode` returns it. */
export const expression: fc.Arbitrary<Expression> = fc.letrec<{ any: Expression; list: Expression[] }>((tie) => ({
  any: fc.oneof({ depthSize: "small", withCrossShrink: true }, leaf, tie("list")),
  list: fc.oneof(
    fc.array(tie("any"), { maxLength: 8 }),
    fc.array(safeInteger, { maxLength: 200 }),
    fc.array(fc.integer({ min: 0, max: 2 ** 21 }), { maxLength: 40 }),
    fc.tuple(fc.constantFrom(...words), fc.uint8Array({ maxLength: 150 })),
  ),
})).any;

export const dialect: fc.Arbitrary<"pb" | "none"> = fc.constantFrom("pb", "none");

/** Bytes that are partly valid: encoded expressions, of which a part is changed, removed or repeated. */
export const nearBanana: fc.Arbitrary<Uint8Array> = fc
  .tuple(
    fc.array(expression, { minLength: 1, maxLength: 3 }),
    dialect,
    fc.array(fc.tuple(fc.nat(), fc.constantFrom("set", "insert", "delete", "double"), fc.nat(255)), { maxLength: 4 }),
  )
  .map(([expressions, spoken, changes]) => {
    const bytes = expressions.flatMap((each) => [...encode(each, { dialect: spoken })]);
    for (const [place, change, byte] of changes) {
      const at = place % (bytes.length + 1);
      if (change === "set") bytes[at] = byte;
      else if (change === "insert") bytes.splice(at, 0, byte);
      else if (change === "delete") bytes.splice(at, 1 + (byte % 4));
      else bytes.splice(at, 0, ...bytes.slice(at, at + byte));
    }
    return Uint8Array.from(bytes);
  });

/** Positions at which to divide bytes into chunks, modulo their length. */
export const cuts: fc.Arbitrary<number[]> = fc.oneof(
  fc.array(fc.nat(), { maxLength: 20 }),
  fc.constant(Array.from({ length: 5000 }, (_, index) => index)),
);

export function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const borders = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...borders].map((start, index) => bytes.slice(start, borders[index] ?? bytes.length));
}

export interface Outcome {
  readonly delivered: Expression[];
  readonly code: string | undefined;
  readonly offset: number | undefined;
  readonly scanned: number;
}

/**
 * Returns what a scanner returns for these chunks. Overwrites each chunk as soon as the scanner must not read it again.
 */
export function scan(
  chunks: readonly Uint8Array[],
  options: { dialect?: Dialect | "pb" | "none"; limits?: Partial<BananaLimits> } = {},
  how: "push" | "lend" = "push",
): Outcome {
  const scanner = new Scanner(options);
  const delivered: Expression[] = [];
  try {
    for (const original of chunks) {
      const chunk = original.slice();
      scanner[how](chunk);
      if (how === "push") chunk.fill(0xff);
      for (let expression = scanner.next(); expression !== undefined; expression = scanner.next())
        delivered.push(expression);
      chunk.fill(0xff);
    }
  } catch (error) {
    const { code, offset } = error as BananaError;
    return { delivered, code, offset, scanned: 0 };
  }
  return { delivered, code: undefined, offset: undefined, scanned: scanner.offset };
}

function doubleOf(bits: bigint): Expression {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, bits);
  const value = view.getFloat64(0);
  if (Number.isNaN(value)) return bits === 0x7ff8000000000000n ? NaN : new Float(NaN, bits);
  return Number.isSafeInteger(value) && !Object.is(value, -0) ? new Float(value) : value;
}

function around(value: number): number[] {
  return [value - 1, value, value + 1].filter(Number.isSafeInteger).flatMap((each) => [each, -each]);
}

function bigEdges(): bigint[] {
  return [53n, 56n, 63n, 64n, 70n, 441n, 447n, 448n]
    .flatMap((bits) => [2n ** bits - 1n, 2n ** bits, 2n ** bits + 1n])
    .filter((value) => value < 2n ** 448n)
    .flatMap((value) => [value, -value]);
}
