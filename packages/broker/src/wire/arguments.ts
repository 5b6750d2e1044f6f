// The arguments of a call: a tuple of the positional arguments and a dictionary of the keyword arguments, each a graph
// of its own.

import { ListHead } from "@pb/banana";
import type { BananaReader, Steps } from "@pb/banana";
import { below, FrozenSet, JellyError } from "@pb/jelly-types";
import type { Jellier, Unjellier } from "@pb/jelly-types";
import { ArgumentsError } from "../errors.js";
import { Kwargs } from "./kwargs.js";

/** The positional and the keyword arguments of a call; `kwargs` is undefined when there are none. */
export interface CallArguments {
  readonly args: unknown[];
  readonly kwargs: Kwargs | undefined;
}

/** Most calls have no keyword arguments: an empty dictionary needs no unjellying (bench `updates-1`). */
const NO_KEYWORDS = new ListHead(1, "dictionary");

/**
 * Reads the arguments of a call: two graphs. Throws `JellyError`, or {@link ArgumentsError} when they are not
 * arguments.
 */
export function readArguments(reader: BananaReader, unjellier: Unjellier, context: unknown): CallArguments {
  const args = toArgumentList(unjellier.readGraph(reader, context));
  const kwargs = reader.begins(NO_KEYWORDS) ? undefined : toKwargs(unjellier.readGraph(reader, context));
  return { args, kwargs };
}

/** As {@link readArguments}, with pauses. */
export function* readArgumentsInSteps(
  reader: BananaReader,
  unjellier: Unjellier,
  context: unknown,
): Steps<CallArguments> {
  const args = toArgumentList(yield* unjellier.readGraphInSteps(reader, context));
  yield;
  const kwargs = reader.begins(NO_KEYWORDS) ? undefined : toKwargs(yield* unjellier.readGraphInSteps(reader, context));
  return { args, kwargs };
}

function toArgumentList(value: unknown): unknown[] {
  if (Array.isArray(value)) {
    // Usually a tuple. A loop makes a plain array of it faster than its iterator does (bench `updates-1`).
    const args = new Array<unknown>(value.length);
    for (let index = 0; index < args.length; index++) args[index] = value[index];
    return args;
  }
  if (value instanceof Set || value instanceof FrozenSet) return Array.from(value as Iterable<unknown>);
  throw new ArgumentsError("The positional arguments of a call are a sequence");
}

/** The names of keyword arguments are text or, from older peers, UTF-8 bytes. */
function toKwargs(value: unknown): Kwargs | undefined {
  if (!(value instanceof Map)) {
    // A dictionary whose keys are all text arrives as an object without a prototype. No other value does.
    if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== null)
      throw new ArgumentsError("The keyword arguments of a call are a dictionary");
    for (const _name in value) return Kwargs.from(value as Record<string, unknown>);
    return undefined;
  }
  if (value.size === 0) return undefined;
  return Kwargs.from(Array.from(value as Map<unknown, unknown>, ([key, item]) => [toName(key), item] as const));
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function toName(key: unknown): string {
  if (typeof key === "string") return key;
  try {
    if (key instanceof Uint8Array) return utf8.decode(key);
  } catch {
    // Not UTF-8.
  }
  throw new ArgumentsError("The name of a keyword argument is text");
}

/** Writes the arguments of a call: two graphs. */
export function writeArguments(jellier: Jellier, args: readonly unknown[], context: unknown): void {
  const keywords = keywordsOf(args);
  writePositional(jellier.start(context), args, countPositional(args, keywords));
  writeKeywords(jellier.start(context), keywords);
}

/** The keyword arguments: the last argument, if it is a `Kwargs`. */
export function keywordsOf(args: readonly unknown[]): Kwargs | undefined {
  const last = args.length > 0 ? args[args.length - 1] : undefined;
  return isKwargs(last) ? last : undefined;
}

/** A proxy may throw. It is refused when it is written. */
function isKwargs(value: unknown): value is Kwargs {
  try {
    return value instanceof Kwargs;
  } catch {
    return false;
  }
}

/**
 * The number of positional arguments to send. An `undefined` at the end is not sent, so that the parameter has its
 * default value; any other `undefined` arrives as None.
 */
export function countPositional(args: readonly unknown[], keywords: Kwargs | undefined): number {
  let count = keywords === undefined ? args.length : args.length - 1;
  while (count > 0 && args[count - 1] === undefined) count--;
  return count;
}

const MISPLACED = "kwargs(…) must be the last argument of a call";

function writePositional(jellier: Jellier, args: readonly unknown[], count: number): void {
  jellier.writer.list(count + 1);
  jellier.writer.word("tuple");
  // Keyword arguments that are the last argument are not among the positional ones.
  const last = args.length - 1;
  let index = 0;
  try {
    for (; index < count; index++) {
      if (index < last && isKwargs(args[index])) throw new JellyError("JELLY_NOT_JELLYABLE", MISPLACED);
      jellier.write(args[index]);
    }
  } catch (error) {
    throw below(error, `.args[${index}]`);
  }
}

function writeKeywords(jellier: Jellier, keywords: Kwargs | undefined): void {
  const { writer } = jellier;
  const entries = keywords === undefined ? undefined : Object.entries(keywords);
  writer.list(entries === undefined ? 1 : entries.length + 1);
  writer.word("dictionary");
  if (entries === undefined) return; // Most calls (bench `hundred`).
  for (const [name, value] of entries) {
    writer.list(2);
    jellier.write(name);
    try {
      jellier.write(value);
    } catch (error) {
      throw below(error, `.kwargs.${name}`);
    }
  }
}
