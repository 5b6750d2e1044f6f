import { Temporal } from "temporal-polyfill/full";
import { CalendarDate, DateTime, jelly, TimeDelta, TimeOfDay, TypeRegistry, unjelly } from "@pb/jelly-types";
import { temporalTypes } from "@pb/jelly-types/temporal";
import { describe, expect, test } from "vitest";
import { errorOf, sexp } from "./helpers/support.js";

const registry = temporalTypes(Temporal);
const { PlainDate, PlainDateTime, PlainTime, Duration, Instant, ZonedDateTime } = Temporal;

/** A Temporal object, and its atom and text on the wire. */
const rows: [{ toString(): string }, string, string][] = [
  [PlainDateTime.from("2020-07-11T01:16:05.000344"), "datetime", "2020 7 11 1 16 5 344"],
  [PlainDateTime.from("0001-01-01T00:00"), "datetime", "1 1 1 0 0 0 0"],
  [PlainDateTime.from("9999-12-31T23:59:59.999999"), "datetime", "9999 12 31 23 59 59 999999"],
  [PlainDate.from("2024-02-29"), "date", "2024 2 29"],
  [PlainTime.from("23:59:59.999999"), "time", "23 59 59 999999"],
  [PlainTime.from("00:00"), "time", "0 0 0 0"],
  [Duration.from("P1DT2.000003S"), "timedelta", "1 2 3"],
  [Duration.from("-PT1S"), "timedelta", "-1 86399 0"],
  [Duration.from("-P1DT0.000001S"), "timedelta", "-2 86399 999999"],
  [new Duration(), "timedelta", "0 0 0"],
];

test.each(rows)("writes and reads %s", (value, atom, words) => {
  expect(jelly(value, { registry })).toEqual(sexp([atom, words]));
  const arrived = unjelly(sexp([atom, words]), { registry }) as typeof value;
  expect(arrived).toBeInstanceOf(value.constructor);
  expect(arrived.toString()).toBe(value.toString());
});

test("writes durations with weeks, hours and minutes", () => {
  const span = Duration.from({ weeks: 1, hours: 25, minutes: 61, milliseconds: 1 });
  expect(unjelly(jelly(span, { registry }))).toEqual(new TimeDelta(8, 2 * 3600 + 60, 1000));
});

test("writes dates of other calendars as ISO dates", () => {
  const date = PlainDate.from("2024-02-29");
  expect(unjelly(jelly(date.withCalendar("hebrew"), { registry }))).toEqual(new CalendarDate(2024, 2, 29));
  const time = PlainDateTime.from("2024-02-29T12:00").withCalendar("japanese");
  expect(unjelly(jelly(time, { registry }))).toEqual(new DateTime(2024, 2, 29, 12));
});

test("writes an Instant as a datetime in UTC", () => {
  for (const text of ["2020-07-11T01:16:05.000344Z", "1969-12-31T23:59:59.999999Z", "0001-01-01T00:00:00Z"]) {
    expect(String(unjelly(jelly(Instant.from(text), { registry })))).toBe(text.slice(0, -1));
  }
});

describe("refuses values that Python does not have", () => {
  const refused: [string, object][] = [
    ["nanoseconds of a time", PlainTime.from("00:00:00.000000001")],
    ["nanoseconds of a datetime", PlainDateTime.from("2020-01-01T00:00:00.000000001")],
    ["nanoseconds of a duration", Duration.from({ nanoseconds: 1 })],
    ["nanoseconds of an instant", Instant.fromEpochNanoseconds(1n)],
    ["the year 0", PlainDate.from("0000-12-31")],
    ["the year 10000", PlainDateTime.from("+010000-01-01T00:00")],
    ["an instant of the year 10000", Instant.from("+010000-01-01T00:00Z")],
    ["months", Duration.from({ months: 1 })],
    ["too many days", Duration.from({ days: 1_000_000_000 })],
    ["time zones", ZonedDateTime.from("2020-01-01T00:00[Europe/Vienna]")],
  ];
  test.each(refused)("%s", (_name, value) => {
    expect(errorOf(() => jelly({ value }, { registry }))).toMatchObject({
      code: "JELLY_NOT_JELLYABLE",
      path: "$.value",
    });
  });
});

test("still writes the time classes of @pb/jelly-types", () => {
  const values = [new DateTime(2020, 1, 1), new CalendarDate(2020, 1, 1), new TimeOfDay(1), new TimeDelta(1)];
  expect(unjelly(jelly(values, { registry }))).toEqual(values);
});

test("types of the application take precedence, and may be registered later", () => {
  class Event {
    at: unknown = PlainDate.from("2020-01-01");
  }
  const parent = new TypeRegistry();
  const types = temporalTypes(Temporal, parent);
  parent.registerCopy("Event", Event);
  const arrived = unjelly(jelly(new Event(), { registry: types }), { registry: types }) as Event;
  expect(arrived.at).toBeInstanceOf(PlainDate);
});

test("refuses malformed times", () => {
  expect(errorOf(() => unjelly(sexp(["datetime", "2020 2 30"]), { registry }))).toMatchObject({
    code: "JELLY_MALFORMED",
  });
});

test("needs an implementation when the platform has no Temporal", () => {
  if ("Temporal" in globalThis) expect(temporalTypes()).toBeInstanceOf(TypeRegistry);
  else expect(() => temporalTypes()).toThrow(TypeError);
});
