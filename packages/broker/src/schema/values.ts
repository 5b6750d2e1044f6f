// Schemas for values that libraries for JSON cannot express. They can be parts of theirs, where these take Standard
// Schemas or a test: `z.custom<Decimal>(decimal.is)`.

import { CalendarDate, DateTime, Decimal, describe, TimeDelta, TimeOfDay, Tuple, tuple } from "@pb/jelly-types";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { RemoteMethods } from "../flavors/call-types.js";
import type { Reference } from "../flavors/remote-reference.js";
import { isThenable } from "../wire/promised-results.js";

/** A Standard Schema of this package. */
export interface Schema<T> extends StandardSchemaV1<T, T> {
  /** Whether a value has this form. */
  readonly is: (value: unknown) => value is T;
}

/** Limits of a number or of a number of bytes, both included. Default: none. */
interface Bounds<Bound> {
  readonly min?: Bound | undefined;
  readonly max?: Bound | undefined;
}

type Result<T> = StandardSchemaV1.Result<T>;

function schema<T>(validate: (value: unknown) => Result<T>): Schema<T> {
  return {
    "~standard": { version: 1, vendor: "@pb/broker", validate },
    is: (value): value is T => validate(value).issues === undefined,
  };
}

function refuse(expected: string, value: unknown): StandardSchemaV1.FailureResult {
  return { issues: [{ message: `Expected ${expected}, got ${describe(value)}` }] };
}

function instanceOf<T>(type: abstract new (...args: never[]) => T, expected: string): Schema<T> {
  return schema((value) => (value instanceof type ? { value } : refuse(expected, value)));
}

function outOf<Bound extends number | bigint>({ min, max }: Bounds<Bound>, size: number | bigint): string | undefined {
  if (min !== undefined && size < min) return `at least ${min}`;
  return max !== undefined && size > max ? `at most ${max}` : undefined;
}

/** A byte string (`Uint8Array`; Python's `bytes`) with so many bytes. */
export function bytes(length: Bounds<number> = {}): Schema<Uint8Array> {
  return schema((value) => {
    if (!(value instanceof Uint8Array)) return refuse("bytes", value);
    const wanted = outOf(length, value.length);
    return wanted === undefined
      ? { value }
      : { issues: [{ message: `Expected ${wanted} bytes, got ${value.length}` }] };
  });
}

/** An integer: a `number`, or a `bigint` for one that a `number` cannot hold (Python's `int`). */
export function integer(bounds: Bounds<number | bigint> = {}): Schema<number | bigint> {
  return schema((value) => {
    if (typeof value !== "bigint" && !(typeof value === "number" && Number.isInteger(value)))
      return refuse("an integer", value);
    const wanted = outOf(bounds, value);
    return wanted === undefined ? { value } : { issues: [{ message: `Expected an integer of ${wanted}` }] };
  });
}

/** A `Decimal` (Python's `decimal.Decimal`). */
export const decimal: Schema<Decimal> = /* @__PURE__ */ instanceOf(Decimal, "a Decimal");

/** A `DateTime` (Python's `datetime.datetime`). */
export const dateTime: Schema<DateTime> = /* @__PURE__ */ instanceOf(DateTime, "a DateTime");

/** A `CalendarDate` (Python's `datetime.date`). */
export const calendarDate: Schema<CalendarDate> = /* @__PURE__ */ instanceOf(CalendarDate, "a CalendarDate");

/** A `TimeOfDay` (Python's `datetime.time`). */
export const timeOfDay: Schema<TimeOfDay> = /* @__PURE__ */ instanceOf(TimeOfDay, "a TimeOfDay");

/** A `TimeDelta` (Python's `datetime.timedelta`). */
export const timeDelta: Schema<TimeDelta> = /* @__PURE__ */ instanceOf(TimeDelta, "a TimeDelta");

/**
 * A reference to an object of the peer. That the object has the methods of `T` cannot be checked: the calls will tell.
 */
export function reference<T = RemoteMethods>(): Schema<Reference<T>> {
  return schema((value) => {
    // Functions do not arrive: an object with this one was not sent as data.
    const isReference = typeof (value as Partial<Reference> | null | undefined)?.callRemote === "function";
    return isReference ? { value: value as Reference<T> } : refuse("a reference", value);
  });
}

type Outputs<Items extends readonly StandardSchemaV1[]> = {
  -readonly [Key in keyof Items]: StandardSchemaV1.InferOutput<Items[Key]>;
};

/** A tuple (`Tuple`; Python's `tuple`) with exactly these items, whose schemas must not be asynchronous. */
export function tupleOf<const Items extends readonly StandardSchemaV1[]>(
  ...items: Items
): Schema<Tuple & Outputs<Items>> {
  return schema((value) => {
    if (!(value instanceof Tuple)) return refuse("a tuple", value);
    if (value.length !== items.length)
      return { issues: [{ message: `Expected a tuple of ${items.length}, got ${value.length} items` }] };
    const issues: StandardSchemaV1.Issue[] = [];
    const outputs = items.map((item, index) => {
      const result = item["~standard"].validate(value[index]);
      if (result instanceof Promise || isThenable(result)) {
        Promise.resolve(result).catch(() => undefined);
        throw new TypeError("The schema of an item of a tuple is asynchronous");
      }
      if (result.issues === undefined) return result.value;
      issues.push(...result.issues.map(({ message, path = [] }) => ({ message, path: [index, ...path] })));
      return undefined;
    });
    return issues.length > 0 ? { issues } : { value: tuple(...outputs) as Tuple & Outputs<Items> };
  });
}
