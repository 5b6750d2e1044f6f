// The patch between two states.

import { changedKeys } from "./changes.js";
import { isContainer } from "./plain.js";
import type { PlainObject } from "./plain.js";
import { below } from "./pointer.js";

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

/** The operations that make `after` of `before`, in their order. None if the two are equal. */
export function diff(before: unknown, after: unknown): Operation[] {
  const operations: Operation[] = [];
  compare("", before, after, operations);
  return operations;
}

/** Whether two states are equal. */
export function isEqual(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (!isContainer(one) || !isContainer(other)) return false;
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
    into.push([pointer, after]);
  else if (Array.isArray(before)) compareLists(pointer, before, after as readonly unknown[], into);
  else compareDicts(pointer, before as PlainObject, after as PlainObject, into);
}

function compareDicts(pointer: string, before: PlainObject, after: PlainObject, into: Operation[]): void {
  const changed = changedKeys(before, after);
  if (changed !== undefined) {
    compareEntries(changed, pointer, before, after, into);
    return;
  }
  const keys = Object.keys(after);
  let added = 0;
  for (const key of keys) {
    const old = before[key];
    const now = after[key];
    if (Object.is(old, now)) continue;
    if (Object.hasOwn(before, key)) compare(below(pointer, key), old, now, into);
    else {
      into.push([below(pointer, key), now]);
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
  before: PlainObject,
  after: PlainObject,
  into: Operation[],
): void {
  const removed: Operation[] = [];
  for (const key of keys) {
    if (!Object.hasOwn(before, key)) {
      if (Object.hasOwn(after, key)) into.push([below(pointer, key), after[key]]);
    } else if (Object.hasOwn(after, key)) compare(below(pointer, key), before[key], after[key], into);
    else removed.push([below(pointer, key)]);
  }
  for (const operation of removed) into.push(operation);
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
  const items = after.slice(paired, after.length - end);
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
    return before.slice(lost);
  }
  const gained = lost === 0 ? 0 : after.indexOf(before[0]);
  if (gained <= 0) return before;
  const items = after.slice(0, gained);
  into.push([pointer, 0, 0, items]);
  return items.concat(before);
}
