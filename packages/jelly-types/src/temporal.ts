// @pb/jelly-types/temporal: reads and writes Python dates and times as Temporal objects.

import { JellyError } from "./errors.js";
import type { Class, JellyReader, JellyWriter, ReadingHandler, WritingHandler } from "./handler.js";
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

/** The parts of Temporal that this module uses: those of `globalThis.Temporal`, or of a polyfill. */
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
 * Creates a registry for a connection that reads a `datetime` as a `Temporal.PlainDateTime`, a `date` as a `PlainDate`,
 * a `time` as a `PlainTime` and a `timedelta` as a `Duration`. It writes the same types, and an `Instant` as a datetime
 * in UTC. To add types, register them in it or pass a parent. `temporal` defaults to `globalThis.Temporal`; throws
 * `TypeError` when there is none.
 *
 * Writing a value that Python does not have throws `JELLY_NOT_JELLYABLE`: nanoseconds, years other than 1 to 9999, and
 * durations with years or months, whose length is not fixed.
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
  if (Temporal === undefined)
    throw new TypeError("This platform has no Temporal: pass an implementation, such as a polyfill");
  return Temporal;
}

function plainDateTime({ PlainDateTime }: TemporalImplementation): ReadingHandler<PlainDateTime> {
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

function plainDate({ PlainDate }: TemporalImplementation): ReadingHandler<PlainDate> {
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

function plainTime({ PlainTime }: TemporalImplementation): ReadingHandler<TimeFields> {
  return scalar<TimeFields, TimeOfDay>(
    PlainTime,
    timeOfDay,
    (value) => new TimeOfDay(value.hour, value.minute, value.second, microsecondsOf(value)),
    ({ hour, minute, second, microsecond }) => new PlainTime(hour, minute, second, ...splitMicroseconds(microsecond)),
  );
}

function duration({ Duration }: TemporalImplementation): ReadingHandler<Duration> {
  return scalar<Duration, TimeDelta>(Duration, timeDelta, toTimeDelta, (value) => {
    const total = value.toMicroseconds();
    // All parts of a Duration have the same sign; those of a timedelta may differ.
    const days = total / 86_400_000_000n;
    const seconds = (total / 1_000_000n) % 86_400n;
    return new Duration(0, 0, 0, Number(days), 0, 0, Number(seconds), 0, Number(total % 1_000_000n));
  });
}

function toTimeDelta(value: Duration): TimeDelta {
  if (value.years !== 0 || value.months !== 0)
    throw new RangeError("A duration with years or months has no fixed length");
  const nanoseconds =
    BigInt(value.nanoseconds) +
    1000n * (BigInt(value.microseconds) + 1000n * BigInt(value.milliseconds)) +
    1_000_000_000n * (BigInt(value.seconds) + 60n * (BigInt(value.minutes) + 60n * BigInt(value.hours)));
  return new TimeDelta(7 * value.weeks + value.days, 0, wholeMicroseconds(nanoseconds));
}

/** Only writes, like the handler of `Date`. */
function instant({ Instant }: TemporalImplementation): WritingHandler<Instant> {
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

/** The handler of a Temporal type that is converted to and from one of our types. */
function scalar<Theirs, Ours extends object>(
  type: Class<Theirs>,
  ours: ReadingHandler<Ours> & WritingHandler<Ours>,
  toOurs: (value: Theirs) => Ours,
  fromOurs: (value: Ours) => unknown,
): ReadingHandler<Theirs> & WritingHandler<Theirs> {
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
    throw new JellyError("JELLY_NOT_JELLYABLE", `Python cannot represent this time: ${cause.message}`, { cause });
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
