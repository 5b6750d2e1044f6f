// Checks and completes the options of a program: undefined means the default, and an unknown name or a value of the
// wrong kind is refused where it is given, not where it is used.

import { requireOwnCopy } from "@pb/banana";
import { nearest } from "./nearest.js";

/** The numbers that an option accepts. */
export interface NumberRange {
  /** Default 0. */
  readonly least?: number;
  /** Default `Infinity`. */
  readonly most?: number;
  /** Whether only whole numbers and `Infinity` are accepted. Default false. */
  readonly isWhole?: boolean;
}

/** For each option: the numbers or the words that it accepts. */
export type Accepted<T> = { readonly [Name in keyof T]?: NumberRange | readonly string[] };

/**
 * What an option accepts: a type, a list of words, or instances of a class. `any` is for values that are checked
 * elsewhere, such as numbers. `signal` accepts null as well, as `fetch` does.
 */
export type OptionKind =
  | "function"
  | "boolean"
  | "string"
  | "bytes"
  | "object"
  | "list"
  | "iterable"
  | "signal"
  | "any"
  | readonly string[]
  | AnyClass;

/** A class, whose constructor may be private. */
interface AnyClass {
  readonly name: string;
  readonly prototype: object;
}

/** The kind of each option of `T`. */
export type OptionKinds<T> = { readonly [Name in keyof T]-?: OptionKind };

/** Options that may be missing or undefined. */
export type Given<T> = { readonly [Name in keyof T]?: T[Name] | undefined };

/**
 * Returns `defaults` with the values of `given` in place of its own. A value that is undefined leaves the default.
 *
 * Throws `TypeError` for an option that `defaults` does not have, unless it is undefined, and for a value that is not
 * of the type of its default or not in `accepted`. A number that `accepted` does not mention must be at least 0, and a
 * whole number unless the name of its option ends with `Ms`; both may be `Infinity`. `what` describes the options in
 * the message, such as "limit".
 */
export function withDefaults<T extends object>(
  what: string,
  defaults: T,
  given: Given<T> | undefined,
  accepted: Accepted<T> = {},
): T {
  const result = { ...defaults };
  if (given === undefined) return result;
  if (typeof given !== "object" || (given as unknown) === null || Array.isArray(given))
    throw unaccepted(`The ${what}s`, given, "an object");
  for (const [name, value] of Object.entries(given) as [keyof T & string, unknown][]) {
    if (value === undefined) continue;
    if (!Object.hasOwn(defaults, name)) throw unknownName(what, name, Object.keys(defaults));
    check(`The ${what} ${name}`, value, typeof defaults[name], accepted[name] ?? usualRange(name));
    result[name] = value as T[keyof T & string];
  }
  return result;
}

/**
 * Throws `TypeError` unless `given` is undefined or an object whose members are options with a value of their kind, or
 * undefined. `nested` lists the names of options that belong into one of the options: the error for such a name says
 * where.
 */
export function checkOptions<T extends object>(
  given: T | undefined,
  kinds: OptionKinds<T>,
  nested: Readonly<Record<string, readonly string[]>> = {},
): void {
  if (given === undefined) return;
  if (typeof given !== "object" || (given as unknown) === null || Array.isArray(given))
    throw unaccepted("The options", given, "an object");
  for (const name of Object.keys(given)) {
    const value = given[name as keyof T] as unknown;
    if (value === undefined) continue;
    if (!Object.hasOwn(kinds, name)) throw unknownName("option", name, Object.keys(kinds), nested);
    const kind = kinds[name as keyof T];
    if (!isOfKind(value, kind)) throw unaccepted(`The option ${name}`, value, describeKind(kind));
  }
}

function isOfKind(value: unknown, kind: OptionKind): boolean {
  if (typeof kind !== "string") {
    if ("prototype" in kind) return isInstance(value, kind);
    return kind.includes(value as string);
  }
  switch (kind) {
    case "any":
      return true;
    case "bytes":
      return value instanceof Uint8Array;
    case "list":
      return Array.isArray(value);
    case "iterable":
      return typeof value === "object" && value !== null && Symbol.iterator in value;
    case "signal":
      return value === null || (typeof value === "object" && "aborted" in value);
    default:
      return typeof value === kind && value !== null && !Array.isArray(value);
  }
}

/** Throws `TypeError` for an instance of the class in another copy of the package. */
function isInstance(value: unknown, type: AnyClass): boolean {
  requireOwnCopy(value, type);
  return value instanceof (type as unknown as abstract new () => object);
}

function describeKind(kind: OptionKind): string {
  if (typeof kind !== "string")
    return "prototype" in kind ? `an instance of ${kind.name}` : `one of ${kind.join(", ")}`;
  return descriptions[kind] ?? `a ${kind}`;
}

const descriptions: Partial<Record<string, string>> = {
  bytes: "a Uint8Array",
  boolean: "true or false",
  object: "an object",
  iterable: "a list or a set",
  signal: "an AbortSignal",
};

/** The error for a name that is not an option, with the one that was probably meant. */
function unknownName(
  what: string,
  name: string,
  known: readonly string[],
  nested: Readonly<Record<string, readonly string[]>> = {},
): TypeError {
  const owner = Object.keys(nested).find((option) => nested[option]!.includes(name));
  const meant = owner === undefined ? nearest(name, known) : `${owner}: { ${name} }`;
  const hint = meant === undefined ? `expected one of ${known.join(", ")}` : `did you mean ${meant}?`;
  return new TypeError(`There is no ${what} ${JSON.stringify(name)}: ${hint}`);
}

/** Throws `TypeError` unless `value` is a number in the range. `what` describes it in the message. */
export function checkNumber(
  what: string,
  value: unknown,
  { least = 0, most = Infinity, isWhole = false }: NumberRange = {},
): void {
  if (typeof value === "number" && value >= least && value <= most && (!isWhole || value % 1 === 0 || value === most))
    return;
  throw unaccepted(what, value, `${isWhole ? "an integer" : "a number"} from ${least} to ${most}`);
}

function check(what: string, value: unknown, type: string, accepted: NumberRange | readonly string[]): void {
  if (Array.isArray(accepted)) {
    if (!accepted.includes(value)) throw unaccepted(what, value, `one of ${accepted.join(", ")}`);
  } else if (type === "number") checkNumber(what, value, accepted as NumberRange);
  else if (typeof value !== type || value === null || Array.isArray(value))
    throw unaccepted(what, value, `of the type ${type}`);
}

function usualRange(name: string): NumberRange {
  return { isWhole: !name.endsWith("Ms") };
}

function unaccepted(what: string, value: unknown, expected: string): TypeError {
  return new TypeError(`${what} must be ${expected}, not ${show(value)}`);
}

function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "function") return `the function ${value.name}`;
  if (typeof value !== "object" || value === null) return String(value);
  return Array.isArray(value) ? "a list" : "an object";
}
