// Converts the value graphs of the golden vectors to JavaScript values, and compares values including the identity of
// objects.

import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import { Float } from "@pb/banana";
import {
  CalendarDate,
  DateTime,
  Decimal,
  FrozenSet,
  PythonName,
  SecurityPolicy,
  TimeDelta,
  TimeOfDay,
  Tuple,
  UnknownCopy,
  Unpersistable,
} from "@pb/jelly-types";

import { keyOf } from "./python.js";

/** A value in the notation of the vector files, which their field `format` describes. */
export interface Graph {
  t: string;
  v?: any;
  id?: number;
  class?: any;
  sign?: number;
  digits?: string;
  exponent?: number | string;
  name?: string;
  self?: Graph;
}

export interface Case {
  index: number;
  name: string;
  direction: "both" | "lossy" | "encode" | "decode";
  taster: string;
  value: Graph;
  decoded?: Graph;
  decode_error?: { class: string; message: string };
  kind: "insecure" | "malformed";
  error: { class: string; message: string };
  hex: string | null;
}

export function readVectors(file: string): Case[] {
  const text = readFileSync(new URL(`../vectors/${file}`, import.meta.url), "utf8");
  return (JSON.parse(text) as { cases: Case[] }).cases;
}

export function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, "hex"));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** The policies for the tasters of the vector files (wire specification 4.9). */
export const policies: Record<string, SecurityPolicy> = {
  dummy: SecurityPolicy.everything,
  bare: SecurityPolicy.bare,
  basic: SecurityPolicy.bare.allowBasicTypes(),
  broker: SecurityPolicy.standard,
  "allow-plain": SecurityPolicy.standard.allowInstancesOf("pbvec_classes.Plain"),
};

/** An instance of an unregistered class. */
class Stranger {}

/**
 * The value of a graph: exact, with dicts as Maps, and with instances as copies or as instances of an unregistered
 * class.
 */
export function build(graph: Graph, strangers = false, known = new Map<number, unknown>()): unknown {
  const note = <T>(value: T): T => {
    if (graph.id !== undefined) known.set(graph.id, value);
    return value;
  };
  const { v } = graph;
  switch (graph.t) {
    case "none":
      return null;
    case "bool":
    case "str":
      return v;
    case "int":
      return BigInt(v);
    case "float":
      return float(v);
    case "bytes":
      return fromHex(v);
    case "ref":
      return known.get(graph.id!);
    case "list":
    case "tuple": {
      const made = note<unknown[]>(graph.t === "list" ? [] : new Tuple<unknown>());
      for (const item of v) made.push(build(item, strangers, known));
      return made;
    }
    case "dict":
      return fill(note(new Map()), v, known);
    case "set":
      return note(new Set(v.map((member: Graph) => build(member, strangers, known))));
    case "frozenset":
      return note(new FrozenSet(v.map((member: Graph) => build(member, strangers, known))));
    case "datetime":
      return new DateTime(...(v as [number, number, number]));
    case "date":
      return new CalendarDate(...(v as [number, number, number]));
    case "time":
      return new TimeOfDay(...(v as number[]));
    case "timedelta":
      return new TimeDelta(...(v as number[]));
    case "decimal":
      return Decimal.parse(`${graph.sign ? "-" : ""}${String(graph.digits)}e${String(graph.exponent)}`);
    case "class":
    case "module":
    case "function":
      return new PythonName(graph.t, v);
    case "method":
      return new PythonName(
        "method",
        graph.name!,
        build(graph.self!, strangers, known),
        new PythonName("class", graph.class),
      );
    case "other":
      return new Stranger();
    case "instance": {
      if (strangers) return new Stranger();
      const made = note(new UnknownCopy(graph.class));
      made.state = fill(new Map(), v, known);
      return made;
    }
    case "unpersistable":
      return new Unpersistable(v.replace(/^Unpersistable data: b'(.*)'$/, "$1"));
    default:
      throw new Error(`No value stands for ${graph.t}`);
  }
}

function fill(
  map: Map<unknown, unknown>,
  entries: [Graph, Graph][],
  known: Map<number, unknown>,
): Map<unknown, unknown> {
  for (const [key, value] of entries) map.set(build(key, false, known), build(value, false, known));
  return map;
}

function float(bits: string): number | Float {
  const value = Buffer.from(bits, "hex").readDoubleBE();
  if (Number.isNaN(value)) return bits === "7ff8000000000000" ? value : new Float(value, BigInt(`0x${bits}`));
  return Number.isSafeInteger(value) && !Object.is(value, -0) ? new Float(value) : value;
}

/**
 * Returns the path at which two values differ; undefined when all types, values and orders are equal, and objects are
 * shared at the same places.
 */
export function difference(actual: unknown, expected: unknown): string | undefined {
  return compare(actual, expected, "$", new Map(), new Map());
}

type Seen = Map<unknown, unknown>;

function compare(actual: unknown, expected: unknown, path: string, there: Seen, back: Seen): string | undefined {
  if (Object.is(actual, expected) && (typeof actual !== "object" || actual === null)) return undefined;
  const mismatch = (): string => `${path}: ${inspect(actual)} is not ${inspect(expected)}`;
  if (typeof actual !== "object" || typeof expected !== "object" || actual === null || expected === null) {
    return mismatch();
  }
  if (Object.getPrototypeOf(actual) !== Object.getPrototypeOf(expected)) return mismatch();
  if (actual instanceof Uint8Array) {
    return toHex(actual) === toHex(expected as Uint8Array) ? undefined : mismatch();
  }
  if (actual instanceof Float) {
    const { value, nanBits } = expected as Float;
    return Object.is(actual.value, value) && actual.nanBits === nanBits ? undefined : mismatch();
  }
  if (isScalar(actual)) return actual.equals(expected as never) ? undefined : mismatch();
  // Python has a single empty tuple and a single empty frozenset.
  if (actual instanceof Tuple && actual.length === 0 && (expected as Tuple).length === 0) return undefined;
  if (actual instanceof FrozenSet && actual.size === 0 && (expected as FrozenSet).size === 0) return undefined;
  if (there.has(actual) || back.has(expected)) {
    return there.get(actual) === expected && back.get(expected) === actual ? undefined : `${path}: shared differently`;
  }
  there.set(actual, expected);
  back.set(expected, actual);
  const mine = partsOf(actual);
  const theirs = partsOf(expected);
  if (mine.length !== theirs.length) return `${path}: ${mine.length} parts are not ${theirs.length}`;
  for (let index = 0; index < mine.length; index++) {
    const found = compare(mine[index], theirs[index], `${path}[${index}]`, there, back);
    if (found !== undefined) return found;
  }
  return undefined;
}

interface Scalar {
  equals(other: never): boolean;
}

function isScalar(value: object): value is Scalar {
  return [Decimal, DateTime, CalendarDate, TimeOfDay, TimeDelta].some((type) => value instanceof type);
}

/** Python may return sets in another order. */
function inOrder(set: Iterable<unknown>): unknown[] {
  const order = new Map(Array.from(set, (member) => [member, keyOf(member)]));
  return [...order.keys()].sort((a, b) => (order.get(a)! < order.get(b)! ? -1 : 1));
}

function partsOf(value: object): unknown[] {
  if (Array.isArray(value)) return value;
  if (value instanceof Map) return [...value].flat();
  if (value instanceof Set || value instanceof FrozenSet) return inOrder(value);
  return Object.entries(value).flat();
}
