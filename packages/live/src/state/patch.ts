// Applies patches to a state, with structural sharing: what a patch does not change stays the same object.

import { LiveError } from "../errors.js";
import { copyOf } from "./copy.js";
import { diff } from "./diff.js";
import { FORBIDDEN_KEY, MOST_DEPTH, MOST_ENTRIES, MOST_SPLICES } from "./limits.js";
import { Adoption, isContainer } from "./plain.js";
import { indexOf, LongPointers } from "./pointer.js";

type Dict = Record<string, unknown>;
type Container = Dict | unknown[];

/** A state to which patches are applied. Each list and dict is copied once, however many patches change it. */
export class PatchedState {
  #state: unknown;
  /** The copies that were made, which are not frozen yet. */
  readonly #copies = new Set<object>();
  /** How many splices each list has had in this patch. */
  readonly #splices = new Map<object, number>();
  readonly #longPointers: LongPointers;

  /** `longPointers` are those of the states before. */
  constructor(state: unknown, longPointers: LongPointers = new LongPointers()) {
    this.#state = state;
    this.#longPointers = longPointers;
  }

  /** Applies a patch of a peer. Throws {@link LiveError} for one that does not apply: the state is of no use then. */
  apply(operations: unknown): void {
    if (!Array.isArray(operations)) throw badPatch("it is not a list");
    this.#splices.clear();
    const adoption = new Adoption();
    for (const operation of operations as readonly unknown[]) this.#apply(operation, adoption);
  }

  /** Sets the whole state. What equals the current state stays the same object. */
  replace(state: unknown): void {
    this.#state = reconcile(this.finish(), state);
  }

  /** The state after the patches, frozen. */
  finish(): unknown {
    for (const copy of this.#copies) Object.freeze(copy);
    this.#copies.clear();
    return this.#state;
  }

  #apply(operation: unknown, adoption: Adoption): void {
    if (!Array.isArray(operation) || typeof operation[0] !== "string") throw badPatch("a step is not a list with text");
    const [pointer, ...rest] = operation as [string, ...unknown[]];
    const keys = this.#longPointers.keysOf(pointer, MOST_DEPTH);
    if (keys === undefined) throw badPatch(`${shown(pointer)} is not a JSON pointer of at most ${MOST_DEPTH} keys`);
    if (rest.length === 0) this.#remove(keys, pointer);
    else if (rest.length === 1) this.#set(keys, pointer, adoption.adopt(rest[0]).value);
    else if (rest.length === 3)
      this.#splice(keys, pointer, toNumber(rest[0]), toNumber(rest[1]), adoption.adopt(rest[2]).value);
    else throw badPatch(`a step has ${rest.length + 1} elements`);
  }

  #remove(keys: string[], pointer: string): void {
    const last = keys.pop();
    const parent = last === undefined ? undefined : this.#edit(keys, pointer);
    if (parent === undefined || Array.isArray(parent) || !Object.hasOwn(parent, last!)) throw nothingAt(pointer);
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- an own property of a copy
    delete parent[last!];
  }

  #set(keys: string[], pointer: string, value: unknown): void {
    const last = keys.pop();
    if (last === undefined) this.#state = value;
    else put(this.#edit(keys, pointer), last, value, pointer);
  }

  #splice(keys: string[], pointer: string, index: unknown, count: unknown, items: unknown): void {
    const list = this.#edit(keys, pointer);
    if (!Array.isArray(list) || !Array.isArray(items)) throw badPatch(`${shown(pointer)} is not a list`);
    if (!isWithin(index, list.length) || !isWithin(count, list.length - index))
      throw badPatch(`${shown(pointer)} does not have these items`);
    const length = list.length - count + items.length;
    if (length > MOST_ENTRIES) throw badPatch(`${shown(pointer)} has ${length} items`);
    const splices = (this.#splices.get(list) ?? 0) + 1;
    if (splices > MOST_SPLICES) throw badPatch(`${shown(pointer)} is spliced more than ${MOST_SPLICES} times`);
    this.#splices.set(list, splices);
    splice(list, index, count, items);
  }

  /** The list or dict at a place, as a copy that may be changed. */
  #edit(keys: readonly string[], pointer: string): Container {
    let copy = this.#own(this.#state, pointer);
    this.#state = copy;
    for (const key of keys) {
      const name = Array.isArray(copy) ? indexOf(key, copy.length) : Object.hasOwn(copy, key) ? key : undefined;
      if (name === undefined) throw nothingAt(pointer);
      const next: Container = this.#own((copy as Dict)[name], pointer);
      (copy as Dict)[name] = next;
      copy = next;
    }
    return copy;
  }

  #own(value: unknown, pointer: string): Container {
    if (!isContainer(value)) throw nothingAt(pointer);
    if (this.#copies.has(value)) return value as Container;
    const copy: Container = Array.isArray(value) ? [...(value as unknown[])] : copyOf(value as Dict);
    this.#copies.add(copy);
    return copy;
  }
}

/** A state that equals `after`, and in which all parts that equal those of `before` are the same objects. */
export function reconcile(before: unknown, after: unknown): unknown {
  const operations = diff(before, after);
  if (operations.length === 0) return before;
  const patched = new PatchedState(before);
  patched.apply(operations);
  return patched.finish();
}

function put(parent: Container, key: string, value: unknown, pointer: string): void {
  if (!Array.isArray(parent)) {
    if (key === FORBIDDEN_KEY) throw badPatch(`${shown(pointer)} has the key ${FORBIDDEN_KEY}`);
    parent[key] = value;
    return;
  }
  const index = indexOf(key, parent.length);
  if (index === undefined) throw nothingAt(pointer);
  parent[index] = value;
}

/** Arguments of one call: far fewer than the stack has room for. */
const SPLICED = 8192;

/** The method of arrays moves the other items as one block of memory: 300 times as fast as one by one. */
function splice(list: unknown[], index: number, count: number, items: readonly unknown[]): void {
  list.splice(index, count, ...items.slice(0, SPLICED));
  for (let done = SPLICED; done < items.length; done += SPLICED)
    list.splice(index + done, 0, ...items.slice(done, done + SPLICED));
}

/** A connection may read all integers as bigints. */
function toNumber(value: unknown): unknown {
  return typeof value === "bigint" ? Number(value) : value;
}

function isWithin(value: unknown, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most;
}

function nothingAt(pointer: string): LiveError {
  return badPatch(`there is nothing at ${shown(pointer)}`);
}

function badPatch(problem: string): LiveError {
  return new LiveError("LIVE_BAD_PATCH", `The patch cannot be applied: ${problem}`);
}

function shown(pointer: string): string {
  return JSON.stringify(pointer.length > 100 ? `${pointer.slice(0, 100)}…` : pointer);
}
