// Schemas for values that libraries for JSON cannot express.

import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { asLocal, Referenceable } from "@pb/broker";
import {
  bytes,
  calendarDate,
  dateTime,
  decimal,
  integer,
  reference,
  timeDelta,
  timeOfDay,
  tupleOf,
} from "@pb/broker/schema";
import { CalendarDate, DateTime, Decimal, TimeDelta, TimeOfDay, Tuple, tuple } from "@pb/jelly-types";

class Thing extends Referenceable {}

function issuesOf(schema: StandardSchemaV1, value: unknown): string[] {
  const result = schema["~standard"].validate(value) as StandardSchemaV1.Result<unknown>;
  return (result.issues ?? []).map(({ path = [], message }) => [...path.map(String), message].join(": "));
}

describe.each<[string, StandardSchemaV1, unknown, [unknown, string][]]>([
  [
    "bytes",
    bytes({ min: 1, max: 2 }),
    new Uint8Array(2),
    [
      ["ab", "Expected bytes, got a string"],
      [new Uint8Array(), "Expected at least 1 bytes, got 0"],
      [new Uint8Array(3), "Expected at most 2 bytes, got 3"],
    ],
  ],
  [
    "integer",
    integer({ min: 0, max: 2n ** 80n }),
    2n ** 80n,
    [
      [-1, "Expected an integer of at least 0"],
      [2n ** 80n + 1n, "Expected an integer of at most 1208925819614629174706176"],
      [1.5, "Expected an integer, got a number"],
      [NaN, "Expected an integer, got a number"],
    ],
  ],
  ["decimal", decimal, new Decimal(150, -2), [[1.5, "Expected a Decimal, got a number"]]],
  ["dateTime", dateTime, new DateTime(2026, 1, 1), [[new Date(), "Expected a DateTime, got an instance of Date"]]],
  ["calendarDate", calendarDate, new CalendarDate(2026, 1, 1), [["2026", "Expected a CalendarDate, got a string"]]],
  ["timeOfDay", timeOfDay, new TimeOfDay(1, 2), [[null, "Expected a TimeOfDay, got null"]]],
  ["timeDelta", timeDelta, new TimeDelta(1), [[undefined, "Expected a TimeDelta, got undefined"]]],
  [
    "reference",
    reference(),
    asLocal(new Thing()),
    [
      [null, "Expected a reference, got null"],
      [{ callRemote: 1 }, "Expected a reference, got an instance of Object"],
    ],
  ],
  [
    "tupleOf",
    tupleOf(z.string(), integer()),
    tuple("a", 1),
    [
      [["a", 1], "Expected a tuple, got an instance of Array"],
      [tuple("a"), "Expected a tuple of 2, got 1 items"],
      [tuple("a", "b"), "1: Expected an integer, got a string"],
    ],
  ],
])("%s", (_, schema, good, wrong) => {
  test("takes its values", () => {
    expect(issuesOf(schema, good)).toEqual([]);
    expect((schema as unknown as { is: (value: unknown) => boolean }).is(good)).toBe(true);
  });
  test.each(wrong)("refuses %o", (value, message) => {
    expect(issuesOf(schema, value)).toEqual([message]);
    expect((schema as unknown as { is: (value: unknown) => boolean }).is(value)).toBe(false);
  });
});

test("a tuple consists of what the schemas of its items return, and these are not asynchronous", () => {
  const made = tupleOf(z.string().transform((text) => text.length))["~standard"].validate(tuple("abc"));
  expect((made as { value: unknown }).value).toBeInstanceOf(Tuple);
  expect(made).toEqual({ value: tuple(3) });
  const later = z.string().refine(() => Promise.resolve(true));
  expect(() => tupleOf(later)["~standard"].validate(tuple("x"))).toThrow(/asynchronous/);
  const validate = (): never => ({ then: () => undefined }) as never; // A promise of a library.
  const foreign = { "~standard": { version: 1, vendor: "x", validate } } as const;
  expect(() => tupleOf(foreign)["~standard"].validate(tuple("x"))).toThrow(/asynchronous/);
});

test("what an asynchronous schema of a tuple rejects with later is no unhandled rejection", async () => {
  const unhandled: unknown[] = [];
  const listener = (error: unknown): void => void unhandled.push(error);
  process.on("unhandledRejection", listener);
  try {
    const validate = (): never => Promise.reject(new Error("late")) as never;
    const late = { "~standard": { version: 1, vendor: "x", validate } } as const;
    expect(() => tupleOf(late)["~standard"].validate(tuple("x"))).toThrow(/asynchronous/);
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.off("unhandledRejection", listener);
  }
  expect(unhandled).toEqual([]);
});

test("limits are part of what they limit", () => {
  for (const size of [1, 2]) expect(issuesOf(bytes({ min: 1, max: 2 }), new Uint8Array(size))).toEqual([]);
  for (const value of [0, 5, 5n]) expect(issuesOf(integer({ min: 0, max: 5 }), value)).toEqual([]);
});

test("they can be parts of schemas of other libraries", () => {
  const row = z.object({ price: z.custom<Decimal>(decimal.is) });
  expect(row.safeParse({ price: new Decimal(1) }).success).toBe(true);
  expect(row.safeParse({ price: 1 }).success).toBe(false);
});
