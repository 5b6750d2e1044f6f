// The patch between two states.

import { ABSENT } from "./absent.js";
import { changedKeys } from "./changes.js";
import { isContainer } from "./plain.js";
import type { PlainObject } from "./plain.js";
import { below } from "./pointer.js";
import { plainOf, WideDict } from "./wide-dict.js";

/**
 * One step of a patch. The first element is the JSON pointer (RFC 6901) of a place in the state.
 *
 * - `[pointer, value]` sets an entry of a dict, or an item that a list has. The pointer `""` is the whole state.
 * - `[pointer]` removes an entry of a dict.
 * - `[pointer, index, count, items]` replaces so many items of the list at this place.
 */
export type Operation =
  | readonly [pointer: string]
  | readonly [pointer: string, value: unknown]
  | readonly [pointer: string, index: number, count: number, items: readonly unknown[]];

/** The operations that make `after` of `before`, in their order, with plain values. None if the two are equal. */
export function diff(before: unknown, after: unknown): Operation[] {
  const operations: Operation[] = [];
  compare("", before, after, operations);
  return operations;
}

/** Whether two states are equal. */
export function isEqual(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (!isContainer(one) || !isContainer(other)) return false;
  if (one instanceof WideDict || other instanceof WideDict) return isEqual(plainOf(one), plainOf(other));
  if (Array.isArray(one) || Array.isArray(other))
    return Array.isArray(one) && Array.isArray(other) && areEqualLists(one, other);
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => isEqualEntry(key, one as PlainObject, other));
}

function areEqualLists(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one.length === other.length && one.every((item, index) => isEqual(item, other[index]));
}

function isEqualEntry(key: string, one: PlainObject, other: object): boolean {
  return Object.hasOwn(other, key) && isEqual(one[key], (other as PlainObject)[key]);
}

function compare(pointer: string, before: unknown, after: unknown, into: Operation[]): void {
  if (Object.is(before, after)) return;
  if (!isContainer(before) || !isContainer(after) || Array.isArray(before) !== Array.isArray(after))
    into.push([pointer, plainOf(after)]);
  else if (Array.isArray(before)) compareLists(pointer, before, after as readonly unknown[], into);
  else compareDicts(pointer, before, after, into);
}

function compareDicts(pointer: string, before: object, after: object, into: Operation[]): void {
  const keys = keysChangedBetween(before, after);
  if (keys !== undefined) compareEntries(keys, pointer, before, after, into);
  else if (before instanceof WideDict || after instanceof WideDict)
    compareAllEntries(pointer, plainOf(before) as PlainObject, plainOf(after) as PlainObject, into);
  else compareAllEntries(pointer, before as PlainObject, after as PlainObject, into);
}

/** The keys of all entries in which two dicts differ, and maybe others. Undefined if that is not known. */
function keysChangedBetween(before: object, after: object): readonly string[] | undefined {
  const [first, last] = [WideDict.known(before), WideDict.known(after)];
  const keys = first === undefined || last === undefined ? undefined : first.changedUntil(last);
  return keys ?? changedKeys(before as PlainObject, after as PlainObject);
}

function compareAllEntries(pointer: string, before: PlainObject, after: PlainObject, into: Operation[]): void {
  const keys = Object.keys(after);
  let added = 0;
  for (const key of keys) {
    const old = before[key];
    const now = after[key];
    if (Object.is(old, now)) continue;
    if (Object.hasOwn(before, key)) compare(below(pointer, key), old, now, into);
    else {
      into.push([below(pointer, key), plainOf(now)]);
      added++;
    }
  }
  const kept = Object.keys(before);
  if (kept.length === keys.length - added) return;
  for (const key of kept) if (!Object.hasOwn(after, key)) into.push([below(pointer, key)]);
}

/** Compares only these entries, in the same way. */
function compareEntries(
  keys: readonly string[],
  pointer: string,
  before: object,
  after: object,
  into: Operation[],
): void {
  const removed: Operation[] = [];
  for (const key of keys) {
    const [old, now] = [entryOf(before, key), entryOf(after, key)];
    if (old !== ABSENT && now !== ABSENT) compare(below(pointer, key), old, now, into);
    else if (now !== ABSENT) into.push([below(pointer, key), plainOf(now)]);
    else if (old !== ABSENT) removed.push([below(pointer, key)]);
  }
  for (const operation of removed) into.push(operation);
}

/** The value of an entry, or {@link ABSENT}. */
function entryOf(dict: object, key: string): unknown {
  if (dict instanceof WideDict) return dict.get(key);
  return Object.hasOwn(dict, key) ? (dict as PlainObject)[key] : ABSENT;
}

/** Removes or adds items in one place: behind the items that are equal at the start, and those that are not. */
function compareLists(pointer: string, given: readonly unknown[], after: readonly unknown[], into: Operation[]): void {
  const before = moveStart(pointer, given, after, into);
  const least = Math.min(before.length, after.length);
  let start = 0;
  let end = 0;
  if (before.length !== after.length) {
    while (start < least && isEqual(before[start], after[start])) start++;
    while (end < least - start && isEqual(before[before.length - 1 - end], after[after.length - 1 - end])) end++;
  }
  const paired = least - end;
  for (let index = start; index < paired; index++) compare(below(pointer, index), before[index], after[index], into);
  const removed = before.length - end - paired;
  const items = after.slice(paired, after.length - end).map(plainOf);
  if (removed > 0 || items.length > 0) into.push([pointer, paired, removed, items]);
}

/**
 * Recognizes a list that has lost or gained items at its start, such as the last messages of a chat. Returns the list
 * after that step. Only the identity of objects is compared, so that it takes no longer than to look at each item once.
 */
function moveStart(
  pointer: string,
  before: readonly unknown[],
  after: readonly unknown[],
  into: Operation[],
): readonly unknown[] {
  if (before.length === 0 || after.length === 0 || !isContainer(after[0]) || !isContainer(before[0])) return before;
  const lost = before.indexOf(after[0]);
  if (lost > 0) {
    into.push([pointer, 0, lost, []]);
    return [...before].slice(lost);
  }
  const gained = lost === 0 ? 0 : after.indexOf(before[0]);
  if (gained <= 0) return before;
  const items = after.slice(0, gained);
  into.push([pointer, 0, 0, items.map(plainOf)]);
  return [...items, ...before];
}
