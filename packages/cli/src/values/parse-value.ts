// Reads the arguments of calls: JSON, in which integers and floats are distinct, and forms for what JSON does not have.

import { Float } from "@pb/banana";
import {
  CalendarDate,
  DateTime,
  Decimal,
  describe,
  FrozenSet,
  printable,
  TimeDelta,
  TimeOfDay,
  tuple,
} from "@pb/jelly-types";
import { CliError, usageError } from "../errors.js";

/** A string, which may contain what looks like a number, or a number. */
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/**
 * Reads one argument. Text that begins with a letter and is no word of JSON is a string: `lobby` is `"lobby"`. Throws
 * {@link CliError} `CLI_USAGE` that begins with `place`.
 */
export function parseArgument(text: string, place: string): unknown {
  const isWord = /^\p{L}/u.test(text) && !["true", "false", "null"].includes(text);
  return isWord ? text : parseValue(text, place);
}

/**
 * Reads a value in JSON. `7` is an int and `7.0` a float. An object with one key that begins with `$` is another value:
 * `{"$bytes": "AP8="}`, `{"$tuple": [1, 2]}`. Throws {@link CliError} `CLI_USAGE` that begins with `place`.
 */
export function parseValue(text: string, place: string): unknown {
  try {
    JSON.parse(text);
    return JSON.parse(text.replace(TOKENS, exactNumber), (_key, value: unknown) => special(value)) as unknown;
  } catch (error) {
    if (error instanceof CliError) throw usageError(`${place}: ${error.message}`);
    const reason = printable(error instanceof Error ? error.message : String(error));
    throw usageError(`${place}: ${printable(JSON.stringify(text))} cannot be read: ${reason}`);
  }
}

/** JSON would lose the digits of a long integer, and that 7.0 is a float. */
function exactNumber(token: string): string {
  if (token.startsWith('"')) return token;
  if (/^-?\d+$/.test(token))
    return Number.isSafeInteger(Number(token)) && token !== "-0" ? token : `{"$int":"${token}"}`;
  return `{"$float":"${token}"}`;
}

function special(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const [key, other] = Object.keys(value);
  if (key === undefined || other !== undefined || !key.startsWith("$")) return value;
  const read = Object.hasOwn(forms, key) ? forms[key] : undefined;
  if (read === undefined) {
    const known = Object.keys(forms).join(", ");
    throw usageError(
      `there is no form "${printable(key, 40)}"; a dict with this key is {"$dict": [[key, value]]}. Forms: ${known}`,
    );
  }
  return read((value as Record<string, unknown>)[key], key);
}

/** What an object with one key stands for. */
const forms: Readonly<Record<string, (content: unknown, key: string) => unknown>> = {
  $bytes: (content, key) => decodeBytes(textIn(content, key), key, "base64", /^[A-Za-z0-9+/]*={0,2}$/),
  $hex: (content, key) => decodeBytes(textIn(content, key), key, "hex", /^([0-9a-fA-F]{2})*$/),
  $ascii: (content, key) => asciiBytes(textIn(content, key), key),
  $tuple: (content, key) => tuple(...itemsIn(content, key)),
  $set: (content, key) => new Set(itemsIn(content, key)),
  $frozenset: (content, key) => new FrozenSet(itemsIn(content, key)),
  $dict: (content, key) => new Map(itemsIn(content, key).map((item) => pairIn(item, key))),
  $int: (content, key) => integer(textIn(content, key), key),
  $float: (content, key) => float(content, key),
  $decimal: (content, key) => parsed(() => Decimal.parse(textIn(content, key)), key),
  $datetime: (content, key) => parsed(() => DateTime.parse(textIn(content, key)), key),
  $date: (content, key) => parsed(() => CalendarDate.parse(textIn(content, key)), key),
  $time: (content, key) => parsed(() => TimeOfDay.parse(textIn(content, key)), key),
  $timedelta: (content, key) => timeDelta(content, key),
};

function textIn(content: unknown, key: string): string {
  if (typeof content === "string") return content;
  throw usageError(`${key} contains ${describe(content)}; expected a string`);
}

function itemsIn(content: unknown, key: string): unknown[] {
  if (Array.isArray(content)) return content as unknown[];
  throw usageError(`${key} contains ${describe(content)}; expected an array`);
}

function pairIn(item: unknown, key: string): [unknown, unknown] {
  if (Array.isArray(item) && item.length === 2) return item as [unknown, unknown];
  throw usageError(`${key} contains ${describe(item)}; expected arrays of a key and a value`);
}

function decodeBytes(text: string, key: string, encoding: "base64" | "hex", pattern: RegExp): Uint8Array {
  if (!pattern.test(text))
    throw usageError(`${key} contains ${printable(JSON.stringify(text), 80)}, which is not ${encoding}`);
  return new Uint8Array(Buffer.from(text, encoding));
}

function asciiBytes(text: string, key: string): Uint8Array {
  if (!/^\p{ASCII}*$/u.test(text))
    throw usageError(`${key} contains ${printable(JSON.stringify(text), 80)}, which is not ASCII`);
  return new Uint8Array(Buffer.from(text, "latin1"));
}

function integer(text: string, key: string): number | bigint {
  if (!/^-?\d+$/.test(text))
    throw usageError(`${key} contains ${printable(JSON.stringify(text), 80)}; expected digits`);
  const value = BigInt(text);
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function float(content: unknown, key: string): Float {
  if (content instanceof Float) return content;
  const words: Record<string, number> = { nan: NaN, inf: Infinity, "-inf": -Infinity };
  const text = typeof content === "number" ? String(content) : textIn(content, key);
  const value = Object.hasOwn(words, text) ? words[text]! : text.trim() === "" ? NaN : Number(text);
  if (Number.isNaN(value) && text !== "nan") {
    throw usageError(
      `${key} contains ${printable(JSON.stringify(text), 80)}; expected a number, "inf", "-inf" or "nan"`,
    );
  }
  return new Float(value);
}

function timeDelta(content: unknown, key: string): TimeDelta {
  const parts = itemsIn(content, key);
  if (parts.length === 3 && parts.every((part) => Number.isSafeInteger(part))) {
    return parsed(() => new TimeDelta(...(parts as [number, number, number])), key);
  }
  throw usageError(`${key} expects [days, seconds, microseconds], three integers`);
}

function parsed<T>(parse: () => T, key: string): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw usageError(`${key}: ${printable(error instanceof Error ? error.message : String(error))}`);
  }
}
