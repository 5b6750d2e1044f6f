// Plain data: checks what a program sets, and converts what a peer sent. Both become trees that never change.

import { Float } from "@pb/jelly-types";
import { LiveError } from "../errors.js";
import { Comparison, noteDict, WIDE } from "./changes.js";
import { extentOf, extents, SCALAR } from "./extents.js";
import type { Extent } from "./extents.js";
import { FORBIDDEN_KEY, MOST_DEPTH, MOST_ENTRIES, MOST_TEXT_BYTES, MOST_VALUES } from "./limits.js";
import { stepTo } from "./pointer.js";
import { WideDict } from "./wide-dict.js";

/** A dict of a state. */
export type PlainObject = Readonly<Record<string, unknown>>;

/** Whether a value of a state is a list or a dict. */
export function isContainer(value: unknown): value is PlainObject | readonly unknown[] {
  return typeof value === "object" && value !== null;
}

/** What a check has looked at, which is not frozen yet. */
class Fresh {
  readonly extents = new Map<object, Extent>();
  /** Run when everything is frozen. */
  readonly notes: (() => void)[] = [];
}

/** Adds the extents of the entries of one list or dict. */
class Sum {
  #values = 1;
  #depth = 0;
  #isLazy = false;

  add({ values, depth, isLazy }: Extent): void {
    this.#values += values;
    if (depth > this.#depth) this.#depth = depth;
    if (isLazy === true) this.#isLazy = true;
  }

  total(path: Path): Extent {
    const values = this.#values;
    const depth = this.#depth + 1;
    return requireExtent(this.#isLazy ? { values, depth, isLazy: true } : { values, depth }, path);
  }
}

function requireExtent(extent: Extent, path: Path): Extent {
  if (extent.values > MOST_VALUES) throw path.error("LIVE_TOO_LARGE", `has more than ${MOST_VALUES} values`);
  if (extent.depth > MOST_DEPTH) throw path.error("LIVE_TOO_DEEP", `is nested more than ${MOST_DEPTH} deep`);
  return extent;
}

/** Where a walk is in the state, for errors. */
class Path {
  readonly #keys: (string | number)[] = [];
  readonly #what: string;

  constructor(what: string) {
    this.#what = what;
  }

  enter(key: string | number): void {
    this.#keys.push(key);
    if (this.#keys.length > MOST_DEPTH) throw this.error("LIVE_TOO_DEEP", `is nested more than ${MOST_DEPTH} deep`);
  }

  leave(): void {
    this.#keys.pop();
  }

  /** `problem` continues the sentence that the value at this place begins. */
  error(code: "LIVE_NOT_PLAIN" | "LIVE_TOO_DEEP" | "LIVE_TOO_LARGE", problem: string): LiveError {
    return new LiveError(code, `${this.#what} ${problem} (at $${this.#keys.slice(0, 20).map(stepTo).join("")})`);
  }
}

/**
 * Checks that a value can be sent and arrives unchanged, and freezes it. Lists and dicts that were checked before are
 * not looked at again, nor are the entries of one that are the same as in `before`. Throws {@link LiveError} and
 * freezes nothing otherwise.
 */
export function seal(value: unknown, before: unknown, what = "The state"): void {
  if (isContainer(value) && extents.has(value)) return;
  const fresh = new Fresh();
  check(value, before, new Path(what), fresh);
  for (const [container, extent] of fresh.extents) {
    Object.freeze(container);
    extents.set(container, extent);
  }
  for (const note of fresh.notes) note();
}

function check(value: unknown, before: unknown, path: Path, fresh: Fresh): Extent {
  if (!isContainer(value)) {
    checkScalar(value, path);
    return SCALAR;
  }
  const known = extents.get(value) ?? fresh.extents.get(value);
  if (known !== undefined) {
    if (known.isLazy === true) WideDict.keepOrder(value);
    return known;
  }
  const extent =
    value instanceof WideDict ? checkChanges(value, path, fresh) : checkContainer(value, before, path, fresh);
  fresh.extents.set(value, extent);
  return extent;
}

function checkContainer(value: PlainObject | readonly unknown[], before: unknown, path: Path, fresh: Fresh): Extent {
  const sum = new Sum();
  // The value at the same place, if it was checked: most entries are the same.
  const old =
    isContainer(before) && extents.has(before) && !(before instanceof WideDict) ? (before as PlainObject) : undefined;
  const isOld = (key: string | number, item: unknown): boolean => {
    if (!Object.is(old?.[key], item) || item === undefined) return false;
    // What the dict before has inherited, such as its `constructor`, was not checked.
    const extent = isContainer(item) ? extents.get(item) : typeof item === "function" ? undefined : SCALAR;
    if (extent === undefined) return false;
    sum.add(extent);
    return true;
  };
  const visit = (key: string | number, item: unknown): void => {
    path.enter(key);
    sum.add(check(item, old?.[key], path, fresh));
    path.leave();
  };
  if (Array.isArray(value)) checkItems(value, Array.isArray(old) ? old : undefined, path, sum, visit);
  else checkDict(value as PlainObject, old, path, fresh, isOld, visit);
  return sum.total(path);
}

/** Checks what an update has changed in a wide dict, which is not frozen: programs get it in its plain form. */
function checkChanges(dict: WideDict, path: Path, fresh: Fresh): Extent {
  const extent = dict.measure((key, item, before) => {
    if (typeof key === "symbol") throw symbolKey(path);
    checkKey(key, path);
    path.enter(key);
    const own = check(item, before, path, fresh);
    path.leave();
    return own;
  });
  checkLength(dict.size, path);
  fresh.notes.push(() => dict.commit());
  return requireExtent(extent, path);
}

function checkScalar(value: unknown, path: Path): void {
  if (typeof value === "string") checkText(value, path);
  else if (typeof value !== "number" && typeof value !== "boolean" && value !== null)
    throw path.error("LIVE_NOT_PLAIN", `cannot contain ${kindOf(value)}: ${adviceFor(value)}`);
}

function checkText(text: string, path: Path): void {
  if (LONE_SURROGATE.test(text)) throw path.error("LIVE_NOT_PLAIN", "cannot contain text with a lone surrogate");
  if (3 * text.length > MOST_TEXT_BYTES && utf8.encode(text).length > MOST_TEXT_BYTES)
    throw path.error("LIVE_TOO_LARGE", `cannot contain text of more than ${MOST_TEXT_BYTES} bytes`);
}

const utf8 = new TextEncoder();
/** `String.prototype.isWellFormed` is newer than the other methods that are used. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** Whether an entry is the same as before. Counts it then. */
type IsOld = (key: string | number, item: unknown) => boolean;
/** Checks an entry. */
type Visit = (key: string | number, item: unknown) => void;

function checkItems(
  items: readonly unknown[],
  old: readonly unknown[] | undefined,
  path: Path,
  sum: Sum,
  visit: Visit,
): void {
  if (Object.getPrototypeOf(items) !== Array.prototype)
    throw path.error("LIVE_NOT_PLAIN", `cannot contain ${kindOf(items)}: use a plain array`);
  checkLength(items.length, path);
  const changed = old === undefined ? undefined : changedItems(items, old);
  if (changed === undefined) {
    for (let index = 0; index < items.length; index++) visit(index, items[index]);
    return;
  }
  sum.add(extentOfKept(items, old!, changed));
  for (const index of changed) if (index < items.length) visit(index, items[index]);
}

/** The indices at which two lists differ. Undefined if these are most of them, or one list is empty. */
function changedItems(items: readonly unknown[], old: readonly unknown[]): number[] | undefined {
  const changed: number[] = [];
  const length = Math.max(items.length, old.length);
  for (let index = 0; index < length && 2 * changed.length <= length; index++)
    if (index >= items.length || index >= old.length || !Object.is(items[index], old[index])) changed.push(index);
  return 2 * changed.length < length ? changed : undefined;
}

/** The extent of all items that are the same as in a list that was checked, without a look at each of them. */
function extentOfKept(items: readonly unknown[], old: readonly unknown[], changed: readonly number[]): Extent {
  const all = extents.get(old)!;
  let values = all.values - 1;
  let isDeepest = false;
  for (const index of changed) {
    if (index >= old.length) continue;
    const lost = extentOf(old[index]);
    values -= lost.values;
    if (lost.depth + 1 === all.depth || lost.isLazy === true) isDeepest = true;
  }
  if (!isDeepest) return { ...all, values, depth: all.depth - 1 };
  // Another item may be as deep as the one that it has lost. Often the first one is.
  const sum = { values, depth: 0, isLazy: false };
  const isChanged = new Set(changed);
  for (let index = 0; index < items.length && (sum.depth + 1 < all.depth || all.isLazy === true); index++) {
    if (isChanged.has(index)) continue;
    const { depth, isLazy } = extentOf(items[index]);
    sum.depth = Math.max(sum.depth, depth);
    if (isLazy === true) sum.isLazy = true;
  }
  return sum.isLazy ? { values, depth: sum.depth, isLazy: true } : { values, depth: sum.depth };
}

/** Checks a dict, and compares it with the one before, if it is wide. */
function checkDict(
  entries: PlainObject,
  old: PlainObject | undefined,
  path: Path,
  fresh: Fresh,
  isOld: IsOld,
  visit: Visit,
): void {
  const comparison = Comparison.with(old);
  const compared: IsOld = (key, item) => {
    const isSame = isOld(key, item);
    comparison!.note(key as string, isSame);
    return isSame;
  };
  const count = checkEntries(entries, path, comparison === undefined ? isOld : compared, visit);
  if (count >= WIDE) fresh.notes.push(() => noteDict(entries, count, comparison));
}

/** Returns their number. */
function checkEntries(entries: PlainObject, path: Path, isOld: IsOld, visit: Visit): number {
  const prototype: unknown = Object.getPrototypeOf(entries);
  if (prototype !== Object.prototype && prototype !== null)
    throw path.error("LIVE_NOT_PLAIN", `cannot contain ${kindOf(entries)}: ${adviceFor(entries)}`);
  const keys = Reflect.ownKeys(entries);
  checkLength(keys.length, path);
  for (const key of keys) {
    if (typeof key === "symbol") throw symbolKey(path);
    if (isOld(key, entries[key])) continue;
    checkKey(key, path);
    const property = Object.getOwnPropertyDescriptor(entries, key);
    if (property?.enumerable !== true || !("value" in property))
      throw path.error("LIVE_NOT_PLAIN", `cannot contain the property ${stepTo(key)}: it is hidden, or has a getter`);
    visit(key, property.value);
  }
  return keys.length;
}

function symbolKey(path: Path): LiveError {
  return path.error("LIVE_NOT_PLAIN", "cannot contain a key that is a symbol");
}

function checkLength(length: number, path: Path): void {
  if (length > MOST_ENTRIES) throw path.error("LIVE_TOO_LARGE", `cannot contain a list or dict of ${length} entries`);
}

function checkKey(key: string, path: Path): void {
  if (key === FORBIDDEN_KEY) throw path.error("LIVE_NOT_PLAIN", `cannot contain the key ${FORBIDDEN_KEY}`);
  checkText(key, path);
}

function kindOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return value === undefined ? "undefined" : `a ${typeof value}`;
  const { name } = (value as { readonly constructor?: { readonly name?: unknown } }).constructor ?? {};
  return typeof name === "string" && name !== "" ? `an instance of ${name.slice(0, 100)}` : "an object of a class";
}

/** What to put in a state instead. */
function adviceFor(value: unknown): string {
  if (value === undefined) return "delete the property, or use null";
  if (typeof value === "bigint") return "use text";
  if (value instanceof Date) return "use its time in milliseconds, or ISO text";
  return "a state consists of null, booleans, numbers, text, arrays and plain objects";
}

/**
 * Converts what a peer has sent to a frozen value: `PlainState`s and `Map`s with text keys to plain objects, tuples to
 * arrays, a `Float` and a safe bigint to a number. Throws {@link LiveError} for all other values.
 */
export function adopt(value: unknown): unknown {
  return new Adoption().adopt(value).value;
}

interface Adopted {
  readonly value: unknown;
  readonly extent: Extent;
}

/** The conversion of the values of one message, which may contain one object many times. */
export class Adoption {
  readonly #path = new Path("What the peer has sent");
  /** What was converted. Undefined while that is going on: the value contains itself. */
  readonly #known = new Map<object, Adopted | undefined>();

  adopt(value: unknown): Adopted {
    if (value instanceof Float) return { value: value.value, extent: SCALAR };
    if (!isContainer(value)) return { value: this.#scalar(value), extent: SCALAR };
    const known = this.#known.get(value);
    if (known !== undefined) return known;
    if (this.#known.has(value)) throw this.#path.error("LIVE_NOT_PLAIN", "contains itself");
    this.#known.set(value, undefined);
    const adopted = Array.isArray(value) ? this.#items(value) : this.#entries(value);
    this.#known.set(value, adopted);
    return adopted;
  }

  #scalar(value: unknown): unknown {
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean" || value === null)
      return value;
    if (typeof value === "bigint" && Number.isSafeInteger(Number(value))) return Number(value);
    throw this.#path.error("LIVE_NOT_PLAIN", `cannot contain ${kindOf(value)}`);
  }

  #items(items: readonly unknown[]): Adopted {
    const sum = new Sum();
    const own: unknown[] = [];
    for (let index = 0; index < items.length; index++) own.push(this.#entry(index, items[index], sum));
    return this.#freeze(own, sum);
  }

  #entries(source: object): Adopted {
    const sum = new Sum();
    const own: Record<string, unknown> = {};
    const entries: Iterable<readonly [unknown, unknown]> = source instanceof Map ? source : this.#propertiesOf(source);
    for (const [key, item] of entries) {
      if (typeof key !== "string") throw this.#path.error("LIVE_NOT_PLAIN", "cannot contain a key that is not text");
      if (key === FORBIDDEN_KEY) throw this.#path.error("LIVE_NOT_PLAIN", `cannot contain the key ${FORBIDDEN_KEY}`);
      own[key] = this.#entry(key, item, sum);
    }
    return this.#freeze(own, sum);
  }

  #propertiesOf(source: object): [string, unknown][] {
    const prototype: unknown = Object.getPrototypeOf(source);
    if (prototype !== null && prototype !== Object.prototype)
      throw this.#path.error("LIVE_NOT_PLAIN", `cannot contain ${kindOf(source)}`);
    return Object.entries(source);
  }

  #entry(key: string | number, item: unknown, sum: Sum): unknown {
    this.#path.enter(key);
    const { value, extent } = this.adopt(item);
    this.#path.leave();
    sum.add(extent);
    return value;
  }

  #freeze(own: object, sum: Sum): Adopted {
    const extent = sum.total(this.#path);
    extents.set(Object.freeze(own), extent);
    return { value: own, extent };
  }
}
