// @pb/jelly-types/temporal: Python's dates and times as Temporal's, and back.

import { JellyError } from "./errors.js";
import type { Class, JellyReader, JellyWriter, TypeHandler } from "./handler.js";
import { TypeRegistry } from "./registry.js";
import { CalendarDate, calendarDate } from "./types/time/calendar-date.js";
import { DateTime, dateTime } from "./types/time/date-time.js";
import { TimeDelta, timeDelta } from "./types/time/time-delta.js";
import { TimeOfDay, timeOfDay } from "./types/time/time-of-day.js";

interface DateFields {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

interface TimeFields {
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly millisecond: number;
  readonly microsecond: number;
  readonly nanosecond: number;
}

interface PlainDate extends DateFields {
  withCalendar(calendar: "iso8601"): DateFields;
}

interface PlainDateTime extends DateFields, TimeFields {
  withCalendar(calendar: "iso8601"): DateFields & TimeFields;
}

interface Duration {
  readonly years: number;
  readonly months: number;
  readonly weeks: number;
  readonly days: number;
  readonly hours: number;
  readonly minutes: number;
  readonly seconds: number;
  readonly milliseconds: number;
  readonly microseconds: number;
  readonly nanoseconds: number;
}

interface Instant {
  readonly epochNanoseconds: bigint;
}

type Six = [number, number, number, number, number, number];

/** The part of Temporal that is needed: `globalThis.Temporal` where there is one, or a polyfill's. */
export interface TemporalImplementation {
  readonly PlainDateTime: new (...fields: [...Six, millisecond: number, microsecond: number]) => PlainDateTime;
  readonly PlainDate: new (year: number, month: number, day: number) => PlainDate;
  readonly PlainTime: new (
    hour: number,
    minute: number,
    second: number,
    millisecond: number,
    microsecond: number,
  ) => TimeFields;
  readonly Duration: new (...fields: [...Six, seconds: number, milliseconds: number, microseconds: number]) => Duration;
  readonly Instant: new (epochNanoseconds: bigint) => Instant;
}

/**
 * Types for a connection: a `datetime` arrives as a `Temporal.PlainDateTime`, a `date` as a `PlainDate`, a `time` as a `PlainTime`, a
 * `timedelta` as a `Duration`; the same are sent, and an `Instant` as a datetime in UTC. Extend it, or give it a parent, to register more.
 *
 * What Python does not have throws `JELLY_NOT_JELLYABLE`: nanoseconds, years before 1 and after 9999, durations of years and months, which
 * have no length of their own.
 */
export function temporalTypes(temporal: TemporalImplementation = ownTemporal(), parent?: TypeRegistry): TypeRegistry {
  return new TypeRegistry(parent)
    .register(plainDateTime(temporal))
    .register(plainDate(temporal))
    .register(plainTime(temporal))
    .register(duration(temporal))
    .register(instant(temporal));
}

function ownTemporal(): TemporalImplementation {
  const { Temporal } = globalThis as { readonly Temporal?: TemporalImplementation };
  if (Temporal === undefined) throw new TypeError("There is no Temporal here: give one, such as a polyfill's");
  return Temporal;
}

function plainDateTime({ PlainDateTime }: TemporalImplementation): TypeHandler<PlainDateTime> {
  return scalar<PlainDateTime, DateTime>(
    PlainDateTime,
    dateTime,
    (value) => {
      const iso = value.withCalendar("iso8601");
      return new DateTime(iso.year, iso.month, iso.day, iso.hour, iso.minute, iso.second, microsecondsOf(iso));
    },
    ({ year, month, day, hour, minute, second, microsecond }) =>
      new PlainDateTime(year, month, day, hour, minute, second, ...splitMicroseconds(microsecond)),
  );
}

function plainDate({ PlainDate }: TemporalImplementation): TypeHandler<PlainDate> {
  return scalar<PlainDate, CalendarDate>(
    PlainDate,
    calendarDate,
    (value) => {
      const { year, month, day } = value.withCalendar("iso8601");
      return new CalendarDate(year, month, day);
    },
    ({ year, month, day }) => new PlainDate(year, month, day),
  );
}

function plainTime({ PlainTime }: TemporalImplementation): TypeHandler<TimeFields> {
  return scalar<TimeFields, TimeOfDay>(
    PlainTime,
    timeOfDay,
    (value) => new TimeOfDay(value.hour, value.minute, value.second, microsecondsOf(value)),
    ({ hour, minute, second, microsecond }) => new PlainTime(hour, minute, second, ...splitMicroseconds(microsecond)),
  );
}

function duration({ Duration }: TemporalImplementation): TypeHandler<Duration> {
  return scalar<Duration, TimeDelta>(Duration, timeDelta, toTimeDelta, (value) => {
    const total = value.toMicroseconds();
    // All parts of a Duration have one sign; those of a timedelta do not.
    const days = total / 86_400_000_000n;
    const seconds = (total / 1_000_000n) % 86_400n;
    return new Duration(0, 0, 0, Number(days), 0, 0, Number(seconds), 0, Number(total % 1_000_000n));
  });
}

function toTimeDelta(value: Duration): TimeDelta {
  if (value.years !== 0 || value.months !== 0)
    throw new RangeError("A duration of years or months has no fixed length");
  const nanoseconds =
    BigInt(value.nanoseconds) +
    1000n * (BigInt(value.microseconds) + 1000n * BigInt(value.milliseconds)) +
    1_000_000_000n * (BigInt(value.seconds) + 60n * (BigInt(value.minutes) + 60n * BigInt(value.hours)));
  return new TimeDelta(7 * value.weeks + value.days, 0, wholeMicroseconds(nanoseconds));
}

/** Sent like a `Date`; none comes back. */
function instant({ Instant }: TemporalImplementation): TypeHandler<Instant> {
  return {
    ...scalar<Instant, DateTime>(
      Instant,
      dateTime,
      ({ epochNanoseconds }) => {
        const microseconds = wholeMicroseconds(epochNanoseconds);
        const second = microseconds / 1_000_000n - (microseconds % 1_000_000n < 0n ? 1n : 0n);
        const { year, month, day, hour, minute, second: s } = DateTime.fromDate(new Date(Number(second * 1000n)));
        return new DateTime(year, month, day, hour, minute, s, Number(microseconds - second * 1_000_000n));
      },
      (value) => value,
    ),
    atoms: [],
  };
}

/** A type of Temporal's that travels as one of ours. */
function scalar<Theirs, Ours extends object>(
  type: Class<Theirs>,
  ours: TypeHandler<Ours>,
  toOurs: (value: Theirs) => Ours,
  fromOurs: (value: Ours) => unknown,
): TypeHandler<Theirs> {
  return {
    atoms: ours.atoms,
    classes: [type],
    isScalar: true,
    jelly: (value: Theirs, jellier: JellyWriter) => ours.jelly(converted(value, toOurs), jellier),
    unjelly: (unjellier: JellyReader, items: number, atom: string) =>
      fromOurs(ours.unjelly(unjellier, items, atom) as Ours),
  };
}

function converted<Theirs, Ours>(value: Theirs, toOurs: (value: Theirs) => Ours): Ours {
  try {
    return toOurs(value);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new JellyError("JELLY_NOT_JELLYABLE", `Python has no such time: ${cause.message}`, { cause });
  }
}

function microsecondsOf({ millisecond, microsecond, nanosecond }: TimeFields): number {
  if (nanosecond !== 0) throw new RangeError("Nanoseconds would be lost");
  return 1000 * millisecond + microsecond;
}

function splitMicroseconds(microseconds: number): [millisecond: number, microsecond: number] {
  return [Math.floor(microseconds / 1000), microseconds % 1000];
}

function wholeMicroseconds(nanoseconds: bigint): bigint {
  if (nanoseconds % 1000n !== 0n) throw new RangeError("Nanoseconds would be lost");
  return nanoseconds / 1000n;
}
