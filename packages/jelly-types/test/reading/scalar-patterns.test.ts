// Scalars, which may be read by the fast path of the reader: at the end of the bytes, and before other values.

import { BananaReader, BananaWriter, Scanner } from "@pb/banana";
import { Jellier, Unjellier } from "@pb/jelly-types";
import { describe, expect, test } from "vitest";

const scalars: unknown[] = [
  ...["", "a", "true", "unicode", "version", "Zoë", "x".repeat(32), "x".repeat(33), "x".repeat(200)],
  ...[0, 127, 128, 16_383, 16_384, 2 ** 31, 2 ** 53 - 1, -1, 0.5, -0, NaN, 2n ** 70n],
  ...[true, false, null],
];

function readBack(value: unknown, dialect: "pb" | "none"): unknown {
  const writer = new BananaWriter({ dialect });
  new Jellier(writer).writeGraph(value);
  const scanner = new Scanner({ dialect });
  const reader = new BananaReader();
  scanner.push(writer.take());
  expect(scanner.advance(reader)).toBe(true);
  return new Unjellier().readGraph(reader);
}

describe.each(["pb", "none"] as const)("scalars in dialect %s", (dialect) => {
  test.each(scalars.map((value) => [value]))(
    "reads %o alone, at the end of the bytes, and before other values",
    (value) => {
      expect(readBack(value, dialect)).toEqual(value);
      expect(readBack([value, value, value], dialect)).toEqual([value, value, value]);
      for (const next of scalars) expect(readBack([value, next], dialect)).toEqual([value, next]);
    },
  );
});
