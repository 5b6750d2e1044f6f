import { CalendarDate, DateTime, jelly, TimeDelta, TimeOfDay, unjelly } from "@pb/jelly-types";
import { describe, expect, test } from "vitest";
import { errorOf, sexp } from "../../helpers/support.js";

/** A value, its atom and text on the wire, and its ISO 8601 text. */
const rows: [{ toString(): string; toJSON(): string }, string, string, string][] = [
  [new DateTime(2020, 7, 11, 1, 16, 5, 344), "datetime", "2020 7 11 1 16 5 344", "2020-07-11T01:16:05.000344"],
  [new DateTime(1, 1, 1), "datetime", "1 1 1 0 0 0 0", "0001-01-01T00:00:00"],
  [
    new DateTime(9999, 12, 31, 23, 59, 59, 999_999),
    "datetime",
    "9999 12 31 23 59 59 999999",
    "9999-12-31T23:59:59.999999",
  ],
  [new CalendarDate(2024, 2, 29), "date", "2024 2 29", "2024-02-29"],
  [new CalendarDate(1, 1, 1), "date", "1 1 1", "0001-01-01"],
  [new TimeOfDay(), "time", "0 0 0 0", "00:00:00"],
  [new TimeOfDay(23, 59, 59, 999_999), "time", "23 59 59 999999", "23:59:59.999999"],
  [new TimeDelta(), "timedelta", "0 0 0", "PT0S"],
  [new TimeDelta(1), "timedelta", "1 0 0", "P1D"],
  [new TimeDelta(1, 2, 3), "timedelta", "1 2 3", "P1DT2.000003S"],
  [new TimeDelta(0, -1), "timedelta", "-1 86399 0", "-PT1S"],
  [new TimeDelta(-1, 0, -1), "timedelta", "-2 86399 999999", "-P1DT0.000001S"],
  [new TimeDelta(999_999_999, 86_399, 999_999), "timedelta", "999999999 86399 999999", "P999999999DT86399.999999S"],
  [new TimeDelta(-999_999_999), "timedelta", "-999999999 0 0", "-P999999999D"],
];

test.each(rows)("writes, reads and prints %s", (value, atom, words, text) => {
  expect(jelly(value)).toEqual(sexp([atom, words]));
  expect(unjelly(jelly(value))).toEqual(value);
  expect(value.toString()).toBe(text);
  expect(JSON.stringify(value)).toBe(`"${text}"`);
});

describe("reads numbers as Python does", () => {
  const accepted: [string, string, unknown][] = [
    ["datetime", "2020 1 1", new DateTime(2020, 1, 1)],
    ["datetime", " 2020  +1 01 ", new DateTime(2020, 1, 1)],
    ["datetime", "2020\t1\n1 12", new DateTime(2020, 1, 1, 12)],
    ["datetime", "2_020 1 1", new DateTime(2020, 1, 1)],
    ["time", "", new TimeOfDay()],
    ["time", "1", new TimeOfDay(1)],
    ["timedelta", "0 86400 1000000", new TimeDelta(1, 1)],
    ["timedelta", "-1 -1 -1", new TimeDelta(-2, 86_398, 999_999)],
    ["timedelta", "0 99999999999999999999 -99999999999999999999000000", new TimeDelta()],
  ];
  test.each(accepted)("accepts (%s %j)", (atom, words, value) => expect(unjelly(sexp([atom, words]))).toEqual(value));

  const refused: [string, string][] = [
    ["datetime", "2020 1"],
    ["datetime", "2020 1 1 0 0 0 0 0"],
    ["datetime", "0 1 1"],
    ["datetime", "10000 1 1"],
    ["datetime", "2020 13 1"],
    ["datetime", "2020 2 30"],
    ["datetime", "1900 2 29"],
    ["datetime", "2020 1 1 24"],
    ["datetime", "2020 1 1 0 0 60"],
    ["datetime", "2020 1 1 0 0 0 1000000"],
    ["datetime", "2020 1 1.5"],
    ["datetime", "2020 1 x"],
    ["datetime", "2020 1 - 1"],
    ["datetime", "2020 1 1__0"],
    ["datetime", `2020 1 ${"0".repeat(5000)}1`],
    ["datetime", "2020\u00a01 1 1"],
    ["date", "2020 1"],
    ["date", "2020 1 1 0"],
    ["time", "1 2 3 4 5"],
    ["time", "24"],
    ["time", "-1"],
    ["timedelta", "1 2"],
    ["timedelta", "1 2 3 4"],
    ["timedelta", "1000000000 0 0"],
    ["timedelta", "-999999999 0 -1"],
  ];
  test.each(refused)("refuses (%s %j)", (atom, words) => {
    expect(errorOf(() => unjelly(sexp([atom, words])))).toMatchObject({ code: "JELLY_MALFORMED" });
  });

  test("refuses elements that are not text", () => {
    for (const wire of [["datetime"], ["datetime", 5], ["date", ["list"]], ["timedelta", 1, 2, 3]]) {
      expect(errorOf(() => unjelly(sexp(wire as any)))).toMatchObject({ code: "JELLY_MALFORMED" });
    }
  });
});

describe("constructors refuse values that Python does not have", () => {
  const makers: (() => unknown)[] = [
    () => new DateTime(0, 1, 1),
    () => new DateTime(2023, 2, 29),
    () => new DateTime(2023, 1, 1.5),
    () => new DateTime(2023, 1, NaN),
    () => new CalendarDate(10_000, 1, 1),
    () => new CalendarDate(2023, 4, 31),
    () => new TimeOfDay(0, 60),
    () => new TimeOfDay(0, 0, 0, -1),
    () => new TimeDelta(1.5),
    () => new TimeDelta(1_000_000_000),
    () => new TimeDelta(NaN),
  ];
  test.each(makers)("%s", (make) => expect(make).toThrow(RangeError));
});

describe("ISO 8601 text", () => {
  test("is parsed to the same value", () => {
    for (const text of ["2020-07-11T01:16:05.000344", "0001-01-01T00:00:00", "9999-12-31T23:59:59.999999"]) {
      expect(DateTime.parse(text).toString()).toBe(text);
    }
    expect(DateTime.parse("2020-07-11 01:16")).toEqual(new DateTime(2020, 7, 11, 1, 16));
    expect(DateTime.parse("2020-07-11")).toEqual(new DateTime(2020, 7, 11));
    expect(DateTime.parse("2020-07-11T01:16:05.5")).toEqual(new DateTime(2020, 7, 11, 1, 16, 5, 500_000));
    expect(CalendarDate.parse("2020-07-11")).toEqual(new CalendarDate(2020, 7, 11));
    expect(TimeOfDay.parse("01:16:05.25")).toEqual(new TimeOfDay(1, 16, 5, 250_000));
    expect(TimeOfDay.parse("01:16")).toEqual(new TimeOfDay(1, 16));
  });

  test("is refused in any other form, or with a time zone", () => {
    for (const text of ["2020-07-11T01:16:05Z", "2020-07-11T01:16:05+02:00", "20200711", "2020-7-11", "now"]) {
      expect(() => DateTime.parse(text)).toThrow(RangeError);
      expect(() => CalendarDate.parse(text)).toThrow(RangeError);
      expect(() => TimeOfDay.parse(text)).toThrow(RangeError);
    }
  });
});

describe("a JavaScript Date", () => {
  test("is written as a datetime in UTC", () => {
    const date = new Date("2020-07-11T01:16:05.344Z");
    expect(unjelly(jelly(date))).toEqual(new DateTime(2020, 7, 11, 1, 16, 5, 344_000));
    expect(DateTime.fromDate(date).toDate()).toEqual(date);
  });

  test("may be in the years 1 to 9999", () => {
    const first = new Date("0001-01-01T00:00:00Z");
    expect(unjelly(jelly(first))).toEqual(new DateTime(1, 1, 1));
    expect(new DateTime(1, 1, 1).toDate()).toEqual(first);
    expect(new CalendarDate(99, 1, 1).toDate()).toEqual(new Date("0099-01-01T00:00:00Z"));
    for (const date of [new Date(NaN), new Date("0000-12-31T00:00:00Z"), new Date("+010000-01-01T00:00:00Z")]) {
      expect(errorOf(() => jelly({ date }))).toMatchObject({ code: "JELLY_NOT_JELLYABLE", path: "$.date" });
    }
  });

  test("has no microseconds, so a datetime is not read as a Date", () => {
    expect(new DateTime(2020, 1, 1, 0, 0, 0, 1999).toDate().getUTCMilliseconds()).toBe(1);
  });
});

describe("TimeDelta", () => {
  test("converts to and from milliseconds and microseconds", () => {
    expect(TimeDelta.fromMilliseconds(1500.25)).toEqual(new TimeDelta(0, 1, 500_250));
    expect(TimeDelta.fromMilliseconds(-1)).toEqual(new TimeDelta(0, 0, -1000));
    expect(() => TimeDelta.fromMilliseconds(Infinity)).toThrow(RangeError);
    expect(new TimeDelta(1, 2, 3).toMilliseconds()).toBe(86_402_000.003);
    expect(new TimeDelta(0, -1).toMilliseconds()).toBe(-1000);
    expect(new TimeDelta(-1, 2, 3).toMicroseconds()).toBe(-86_397_999_997n);
  });

  test("accepts bigints of any size that fit after normalization", () => {
    expect(new TimeDelta(0, 0, 86_400_000_000n)).toEqual(new TimeDelta(1));
  });
});

test("equals compares the values of two objects", () => {
  expect(new DateTime(2020, 1, 1).equals(new DateTime(2020, 1, 1))).toBe(true);
  expect(new DateTime(2020, 1, 1).equals(new DateTime(2020, 1, 1, 1))).toBe(false);
  expect(new CalendarDate(2020, 1, 1).equals(new CalendarDate(2020, 1, 1))).toBe(true);
  expect(new TimeOfDay(1).equals(new TimeOfDay(1))).toBe(true);
  expect(new TimeDelta(1).equals(new TimeDelta(0, 86_400))).toBe(true);
  const date = new CalendarDate(2020, 1, 1);
  expect(jelly([date, date])).toEqual(sexp(["list", ["date", "2020 1 1"], ["date", "2020 1 1"]]));
});

test("a month has the days that it has in the Gregorian calendar", () => {
  const isDate = (year: number, month: number, day: number): boolean => {
    try {
      return new CalendarDate(year, month, day).day === day;
    } catch {
      return false;
    }
  };
  const lastDay = (year: number, month: number): number => {
    const next = new Date(0);
    next.setUTCFullYear(year, month, 0);
    return next.getUTCDate();
  };
  for (let year = 1; year <= 9999; year += year < 2100 ? 1 : 4) {
    const last = lastDay(year, 2);
    expect([isDate(year, 2, last), isDate(year, 2, last + 1)], `February ${year}`).toEqual([true, false]);
  }
  for (let month = 1; month <= 12; month++) {
    const last = lastDay(2023, month);
    expect([isDate(2023, month, 0), isDate(2023, month, 1)]).toEqual([false, true]);
    expect([isDate(2023, month, last), isDate(2023, month, last + 1)]).toEqual([true, false]);
  }
  expect([isDate(2023, 0, 1), isDate(2023, 13, 1), isDate(0, 1, 1), isDate(10_000, 1, 1)]).not.toContain(true);
});
