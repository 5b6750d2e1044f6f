// Dicts: objects when every key is text, otherwise Maps.

import type { Steps } from "@pb/banana";
import { below, JellyError, keyStep, removedWhileWritten, sizeOf, unreadable } from "../errors.js";
import type { JellyReader, JellyStepReader, JellyWriter, TypeHandler } from "../handler.js";
import { HashGuard } from "../reading/hash-guard.js";
import { classBytes, hashedBytes, Heap, objectBytes, ownClassBytes, tableBytes } from "../reading/heap.js";
import { dictShapes, isKnownKey, LONGEST_KEY, MOST_FIELDS } from "../reading/shapes.js";
import type { Shape } from "../reading/shapes.js";
import { isIndex, makeSparse } from "../reading/sparse.js";
import { UNICODE, writeText } from "./text.js";
import { asKey } from "./hashable.js";

/** Writes the own enumerable string keys of an object and their values, in the order of the object. */
export function writeDictionary(value: Readonly<Record<string, unknown>>, jellier: JellyWriter): void {
  const keys = keysOf(value);
  const { writer } = jellier;
  writer.list(keys.length + 1);
  writer.word("dictionary");
  let index = 0;
  let isReading = false;
  try {
    for (; index < keys.length; index++) {
      const key = keys[index]!;
      writer.list(2);
      writeText(writer, key);
      isReading = true;
      const item = value[key];
      isReading = false;
      jellier.write(item);
    }
  } catch (error) {
    throw below(isReading ? unreadable(error) : error, keyStep(keys[index]));
  }
}

function keysOf(value: object): string[] {
  try {
    return Object.keys(value);
  } catch (cause) {
    throw unreadable(cause);
  }
}

function writeMap(value: ReadonlyMap<unknown, unknown>, jellier: JellyWriter): void {
  const { writer } = jellier;
  // A state hook may change the map while it is written: what it adds is left out, as in a list.
  const size = sizeOf(value);
  writer.list(size + 1);
  writer.word("dictionary");
  let key: unknown;
  let left = size;
  let isReading = true;
  try {
    for (const [nextKey, item] of value) {
      isReading = false;
      if (left-- === 0) return;
      key = nextKey;
      jellier.requireHashable(key);
      writer.list(2);
      jellier.write(key);
      jellier.write(item);
      isReading = true;
    }
    isReading = false;
    if (left > 0) throw removedWhileWritten("map");
  } catch (error) {
    throw isReading ? unreadable(error) : below(error, keyStep(key));
  }
}

/** The key while none is read, for the path of an error. */
const AT_KEY: unique symbol = Symbol("key");

/** In place of a key, while the function that reads the rest of the entries adds the step to the path of an error. */
const IN_REST: unique symbol = Symbol("rest");

type Dict = Record<string, unknown>;

/** Reads a dict as an object without a prototype. Switches to a Map at the first key that is not text. */
export function readDictionary(unjellier: JellyReader, items: number): unknown {
  if (unjellier.exactness.dicts === "map") return readEntries(unjellier, items, newMap(unjellier));
  const { reader } = unjellier;
  const charged = objectBytes(items);
  unjellier.charge(charged);
  const shapes = items <= MOST_FIELDS ? dictShapes() : undefined;
  const object = shapes === undefined ? (Object.create(null) as Dict) : shapes.newObject();
  let shape = shapes?.root;
  let indices = 0;
  let copies = 0;
  let key: unknown = AT_KEY;
  try {
    for (let left = items; left > 0; left--) {
      let name = reader.keyAfter(UNICODE);
      if (name === undefined) {
        key = AT_KEY;
        const texts = reader.textHeap ?? 0;
        key = readEntryKey(unjellier);
        const copied = (reader.textHeap ?? 0) - texts;
        if (typeof key !== "string") {
          unjellier.charge(-charged); // The object is not kept.
          const firstKey = key;
          key = IN_REST;
          return readEntries(unjellier, left, toMap(unjellier, object), firstKey);
        }
        if (isIndex(key)) {
          if (indices++ === 0) makeSparse(object);
          shape = undefined;
          copies = 0;
        } else if (key.length > LONGEST_KEY) {
          shape?.leave();
          shape = undefined;
          copies = 0;
        } else if (copied > 0 && (shape !== undefined || isKnownKey(key))) copies += copied;
        name = key;
      }
      key = name;
      if (shape !== undefined) shape = shape.after(name);
      // What follows is not a function, which would take longer (bench `jelly`).
      const value = unjellier.read();
      object[name] = value;
      if (unjellier.isPending(value)) patchObject(unjellier, object, name, value);
    }
  } catch (error) {
    throw key === IN_REST ? error : below(error, keyStep(key));
  }
  if (shape?.isKnown === true) unjellier.charge(-ownClassBytes[items]! - copies);
  else unjellier.charge(refund(shape, items, indices, copies));
  return object;
}

/** As {@link readDictionary}. */
export function* readDictionaryInSteps(unjellier: JellyStepReader, items: number): Steps<unknown> {
  if (unjellier.exactness.dicts === "map") return yield* readEntriesInSteps(unjellier, items, newMap(unjellier));
  const { reader } = unjellier;
  const charged = objectBytes(items);
  unjellier.charge(charged);
  const shapes = items <= MOST_FIELDS ? dictShapes() : undefined;
  const object = shapes === undefined ? (Object.create(null) as Dict) : shapes.newObject();
  let shape = shapes?.root;
  let indices = 0;
  let copies = 0;
  let key: unknown = AT_KEY;
  try {
    for (let left = items; left > 0; left--) {
      if (unjellier.endsStep()) yield;
      let name = reader.keyAfter(UNICODE);
      if (name === undefined) {
        key = AT_KEY;
        const texts = reader.textHeap ?? 0;
        key = yield* readEntryKeyInSteps(unjellier);
        const copied = (reader.textHeap ?? 0) - texts;
        if (typeof key !== "string") {
          unjellier.charge(-charged);
          const firstKey = key;
          key = IN_REST;
          return yield* readEntriesInSteps(unjellier, left, yield* toMapInSteps(unjellier, object), firstKey);
        }
        if (isIndex(key)) {
          if (indices++ === 0) makeSparse(object);
          shape = undefined;
          copies = 0;
        } else if (key.length > LONGEST_KEY) {
          shape?.leave();
          shape = undefined;
          copies = 0;
        } else if (copied > 0 && (shape !== undefined || isKnownKey(key))) copies += copied;
        name = key;
      }
      key = name;
      if (shape !== undefined) shape = shape.after(name);
      const value = unjellier.isLong() ? yield* unjellier.readInSteps() : unjellier.read();
      object[name] = value;
      if (unjellier.isPending(value)) patchObject(unjellier, object, name, value);
    }
  } catch (error) {
    throw key === IN_REST ? error : below(error, keyStep(key));
  }
  if (shape?.isKnown === true) unjellier.charge(-ownClassBytes[items]! - copies);
  else unjellier.charge(refund(shape, items, indices, copies));
  return object;
}

/**
 * What a complete object with a new sequence of keys takes, less {@link objectBytes}. It shares the beginning of the
 * sequence with earlier objects, and texts of keys: `copies` are the bytes of those that were created once more.
 */
function refund(shape: Shape | undefined, items: number, indices: number, copies: number): number {
  if (shape === undefined) return indices === items ? hashedBytes(items) - objectBytes(items) : -copies;
  return classBytes(shape.addObject(), items) - ownClassBytes[items]!;
}

/** Reads the head of an entry and its key, of any type. */
function readEntryKey(unjellier: JellyReader): unknown {
  readEntryHead(unjellier);
  return toKey(unjellier, unjellier.read());
}

function* readEntryKeyInSteps(unjellier: JellyStepReader): Steps<unknown> {
  readEntryHead(unjellier);
  return toKey(unjellier, unjellier.isLong() ? yield* unjellier.readInSteps() : unjellier.read());
}

function readEntryHead(unjellier: JellyReader): void {
  if (unjellier.reader.list() !== 2)
    throw new JellyError("JELLY_MALFORMED", "An entry of a dictionary must be a list of two");
}

function toKey(unjellier: JellyReader, key: unknown): unknown {
  if (unjellier.isPending(key)) {
    throw new JellyError("JELLY_MALFORMED", "A dictionary key refers to an object that is not read yet");
  }
  unjellier.requireHashable(key);
  return asKey(key, unjellier.exactness);
}

function newMap(unjellier: JellyReader): Map<unknown, unknown> {
  const map = new Map<unknown, unknown>();
  unjellier.register(map);
  return map;
}

function readEntries(
  unjellier: JellyReader,
  items: number,
  map: Map<unknown, unknown>,
  firstKey: unknown = AT_KEY,
): Map<unknown, unknown> {
  unjellier.charge(tableBytes(map.size + items, Heap.MAP_ENTRY));
  const guard = new HashGuard(map);
  let key = firstKey;
  try {
    for (let left = items; left > 0; left--) {
      if (key === AT_KEY) key = readEntryKey(unjellier);
      addEntry(unjellier, map, guard, key, unjellier.read());
      key = AT_KEY;
    }
  } catch (error) {
    throw below(error, keyStep(key));
  }
  return map;
}

/** As {@link readEntries}. */
function* readEntriesInSteps(
  unjellier: JellyStepReader,
  items: number,
  map: Map<unknown, unknown>,
  firstKey: unknown = AT_KEY,
): Steps<Map<unknown, unknown>> {
  unjellier.charge(tableBytes(map.size + items, Heap.MAP_ENTRY));
  const guard = new HashGuard(map);
  let key = firstKey;
  try {
    for (let left = items; left > 0; left--) {
      if (unjellier.endsStep()) yield;
      if (key === AT_KEY) key = yield* readEntryKeyInSteps(unjellier);
      addEntry(unjellier, map, guard, key, unjellier.isLong() ? yield* unjellier.readInSteps() : unjellier.read());
      key = AT_KEY;
    }
  } catch (error) {
    throw below(error, keyStep(key));
  }
  return map;
}

function addEntry(
  unjellier: JellyReader,
  map: Map<unknown, unknown>,
  guard: HashGuard,
  key: unknown,
  value: unknown,
): void {
  map.set(key, value);
  guard.added(key);
  if (unjellier.isPending(value)) patchMap(unjellier, map, key, value);
}

function toMap(unjellier: JellyReader, object: Dict): Map<unknown, unknown> {
  const map = new Map<unknown, unknown>();
  const guard = new HashGuard(map);
  for (const key of Object.keys(object)) addEntry(unjellier, map, guard, key, object[key]);
  return map;
}

/** As {@link toMap}. */
function* toMapInSteps(unjellier: JellyStepReader, object: Dict): Steps<Map<unknown, unknown>> {
  const map = new Map<unknown, unknown>();
  const guard = new HashGuard(map);
  for (const key of Object.keys(object)) {
    if (unjellier.endsStep()) yield;
    addEntry(unjellier, map, guard, key, object[key]);
  }
  return map;
}

/** Does nothing when a later entry has replaced the placeholder: the last entry of a key wins, as in Python. */
function patchObject(unjellier: JellyReader, object: Dict, key: string, placeholder: unknown): void {
  unjellier.whenResolved(placeholder, (resolved) => {
    if (object[key] === placeholder) object[key] = resolved;
  });
}

function patchMap(unjellier: JellyReader, map: Map<unknown, unknown>, key: unknown, placeholder: unknown): void {
  unjellier.whenResolved(placeholder, (resolved) => {
    if (map.get(key) === placeholder) map.set(key, resolved);
  });
}

export const dictionary: TypeHandler<ReadonlyMap<unknown, unknown>> = {
  atoms: ["dictionary"],
  classes: [Map],
  jelly: writeMap,
  unjelly: readDictionary,
  unjellyInSteps: readDictionaryInSteps,
};
