// The Python repr of JavaScript values, which of them are equal in Python, and a Twisted process that reads values and
// sends them back.

import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { BananaWriter, decode, Float } from "@pb/banana";
import type { Expression } from "@pb/banana";
import {
  CalendarDate,
  DateTime,
  Decimal,
  FrozenSet,
  Jellier,
  TimeDelta,
  TimeOfDay,
  Tuple,
  TypeRegistry,
} from "@pb/jelly-types";

/** A class that the Twisted process has too. */
export class Thing {
  [name: string]: unknown;
}

export const things: TypeRegistry = new TypeRegistry().registerCopy("test.Thing", Thing);

export interface Echo {
  /** "= " and the description of the value, by `describe` in twisted_echo.py; or "! " and the error. */
  readonly description: string;
  /** The value that Twisted sent back; undefined when it could not. */
  readonly expression: Expression | undefined;
  /** The bytes that were sent, and those that came back, which are mostly the same. */
  readonly sent: string;
  readonly received: string;
}

/** A Python process that reads values, describes them and sends them back. */
export class TwistedEcho {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #answers: AsyncIterator<Buffer>;
  readonly #writer = new BananaWriter({ dialect: "pb" });

  constructor(python: string) {
    this.#child = spawn(python, [fileURLToPath(new URL("twisted_echo.py", import.meta.url))], {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" },
    });
    this.#answers = frames(this.#child.stdout);
  }

  async ask(value: unknown): Promise<Echo> {
    new Jellier(this.#writer, { registry: things }).writeGraph(value);
    const sent = Buffer.from(this.#writer.take());
    const head = Buffer.alloc(4);
    head.writeUInt32BE(sent.length);
    this.#child.stdin.write(Buffer.concat([head, sent]));
    const { value: answer, done } = await this.#answers.next();
    if (done === true) throw new Error("The Twisted process ended");
    const [description, expression] = decode(answer, { dialect: "pb" }) as [Uint8Array, Expression | undefined];
    const headBytes = 2 + Buffer.byteLength(Buffer.from(description)) + digits(description.length);
    return {
      description: Buffer.from(description).toString("ascii"),
      expression,
      sent: sent.toString("hex"),
      received: answer.subarray(headBytes + 1).toString("hex"),
    };
  }

  stop(): void {
    this.#child.stdin.end();
  }
}

function digits(length: number): number {
  return length < 128 ? 1 : length < 16384 ? 2 : 3;
}

async function* frames(stream: Readable): AsyncGenerator<Buffer> {
  let pending = Buffer.alloc(0);
  for await (const chunk of stream) {
    pending = Buffer.concat([pending, chunk as Buffer]);
    while (pending.length >= 4 && pending.length >= 4 + pending.readUInt32BE()) {
      const end = 4 + pending.readUInt32BE();
      yield pending.subarray(4, end);
      pending = pending.subarray(end);
    }
  }
}

/** The description that twisted_echo.py should print for a value. */
export function describeAsPython(value: unknown): string {
  const numbers = new Map<unknown, number>();

  function walk(item: unknown): string {
    if (!isContainer(item)) return repr(item);
    const known = numbers.get(item);
    if (known !== undefined) return `#${known}`;
    const prefix = `#${numbers.size + 1}`;
    numbers.set(item, numbers.size + 1);
    if (item instanceof Set) return `${prefix}set(${members(item)})`;
    if (item instanceof FrozenSet) return `${prefix}frozenset(${members(item)})`;
    if (item instanceof Tuple) return `${prefix}(${item.map(walk).join(", ")})`;
    if (Array.isArray(item)) return `${prefix}[${item.map(walk).join(", ")}]`;
    const entries = [...(item instanceof Map ? item : Object.entries(item))] as [unknown, unknown][];
    const text = entries.map(([key, entry]) => `${walk(key)}: ${walk(entry)}`).join(", ");
    return `${prefix}${item instanceof Thing ? "Thing" : ""}{${text}}`;
  }

  return walk(value);
}

function members(set: Iterable<unknown>): string {
  return [...set].map(plain).sort().join(", ");
}

function plain(item: unknown): string {
  if (item instanceof Thing) return "Thing";
  if (item instanceof Tuple && item.length > 0) return `(${item.map(plain).join(", ")})`;
  if (item instanceof FrozenSet && item.size > 0) return `frozenset(${members(item)})`;
  return repr(item);
}

function isContainer(item: unknown): item is object {
  if (typeof item !== "object" || item === null || item instanceof Uint8Array) return false;
  if (item instanceof Tuple) return item.length > 0;
  if (item instanceof FrozenSet) return item.size > 0;
  return ![Float, Decimal, DateTime, CalendarDate, TimeOfDay, TimeDelta].some((type) => item instanceof type);
}

/** The result of Python's `ascii()` for a scalar. */
export function repr(item: unknown): string {
  if (item === null || item === undefined) return "None";
  if (typeof item === "boolean") return item ? "True" : "False";
  if (typeof item === "bigint") return String(item);
  if (typeof item === "number") {
    return Number.isSafeInteger(item) && !Object.is(item, -0) ? String(item) : reprFloat(item);
  }
  if (typeof item === "string") {
    return quote(
      item,
      Array.from(item, (character) => escape(character.codePointAt(0)!)),
    );
  }
  if (item instanceof Float) return reprFloat(item.value);
  if (item instanceof Uint8Array) {
    return `b${quote(
      Buffer.from(item).toString("latin1"),
      Array.from(item, (byte) => escape(byte)),
    )}`;
  }
  if (item instanceof Tuple) return "()";
  if (item instanceof FrozenSet) return "frozenset()";
  if (item instanceof Decimal) return `Decimal('${item.toString()}')`;
  if (item instanceof DateTime) {
    const { year, month, day, hour, minute, second, microsecond } = item;
    return `datetime.datetime(${[year, month, day, hour, minute, ...tail(second, microsecond)].join(", ")})`;
  }
  if (item instanceof CalendarDate) return `datetime.date(${item.year}, ${item.month}, ${item.day})`;
  if (item instanceof TimeOfDay) {
    return `datetime.time(${[item.hour, item.minute, ...tail(item.second, item.microsecond)].join(", ")})`;
  }
  if (item instanceof TimeDelta) {
    const parts = (["days", "seconds", "microseconds"] as const).filter((name) => item[name] !== 0);
    return `datetime.timedelta(${parts.map((name) => `${name}=${item[name]}`).join(", ") || "0"})`;
  }
  throw new Error("Nothing Python has");
}

function tail(second: number, microsecond: number): number[] {
  return microsecond > 0 ? [second, microsecond] : second > 0 ? [second] : [];
}

function quote(text: string, escaped: string[]): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  return mark + escaped.map((character) => (character === mark ? `\\${mark}` : character)).join("") + mark;
}

function escape(code: number): string {
  const named: Record<number, string> = { 9: "\\t", 10: "\\n", 13: "\\r", 92: "\\\\" };
  if (named[code] !== undefined) return named[code];
  if (code >= 0x20 && code < 0x7f) return String.fromCharCode(code);
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code <= 0xffff ? `\\u${code.toString(16).padStart(4, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`;
}

function reprFloat(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const [, sign = "", first = "", rest = "", power = ""] = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(
    value.toExponential(),
  )!;
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16) {
    const fraction = rest === "" ? "" : `.${rest}`;
    return `${sign}${first}${fraction}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  }
  const all = first + rest;
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${all}`;
  const padded = all.padEnd(exponent + 2, "0");
  return `${sign}${padded.slice(0, exponent + 1)}.${padded.slice(exponent + 1)}`;
}

/**
 * Returns the same text for values that are equal as keys in Python, such as 1, 1.0, True and Decimal("1.0"). All
 * Things are equal.
 */
export function keyOf(item: unknown): string {
  if (item instanceof Tuple) return `(${item.map(keyOf).join(",")},)`;
  if (item instanceof FrozenSet) return `{${[...item].map(keyOf).sort().join(",")}}`;
  if (item instanceof Thing) return "Thing";
  return numberOf(item) ?? repr(item);
}

function numberOf(item: unknown): string | undefined {
  if (typeof item === "boolean") return item ? "1e0" : "0e0";
  if (typeof item === "bigint") return normal(item, 0);
  if (item instanceof Decimal) return normal(item.coefficient, item.exponent);
  const value = item instanceof Float ? item.value : item;
  if (typeof value !== "number") return undefined;
  if (!Number.isFinite(value)) return String(value);
  let scaled = value;
  let shift = 0;
  for (; !Number.isInteger(scaled); shift++) scaled *= 2;
  return normal(BigInt(scaled) * 5n ** BigInt(shift), -shift);
}

function normal(coefficient: bigint, exponent: number): string {
  if (coefficient === 0n) return "0e0";
  while (coefficient % 10n === 0n) {
    coefficient /= 10n;
    exponent++;
  }
  return `${coefficient}e${exponent}`;
}
