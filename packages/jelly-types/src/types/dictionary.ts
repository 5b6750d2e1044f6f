// Dicts: objects when every key is text, otherwise Maps.

import { below, JellyError, keyStep, removedWhileWritten } from "../errors.js";
import type { JellyReader, JellyWriter, TypeHandler } from "../handler.js";
import { HashGuard } from "../reading/hash-guard.js";
import { Heap, objectBytes, tableBytes } from "../reading/heap.js";
import { isIndex, makeSparse } from "../reading/sparse.js";
import { UNICODE, writeText } from "./text.js";
import { asKey } from "./hashable.js";

/** Writes the own enumerable string keys of an object and their values, in the order of the object. */
export function writeDictionary(value: Readonly<Record<string, unknown>>, jellier: JellyWriter): void {
  const keys = Object.keys(value);
  const { writer } = jellier;
  writer.list(keys.length + 1);
  writer.word("dictionary");
  let index = 0;
  try {
    for (; index < keys.length; index++) {
      const key = keys[index]!;
      writer.list(2);
      writeText(writer, key);
      jellier.write(value[key]);
    }
  } catch (error) {
    throw below(error, keyStep(keys[index]));
  }
}

function writeMap(value: ReadonlyMap<unknown, unknown>, jellier: JellyWriter): void {
  const { writer } = jellier;
  // A state hook may change the map while it is written: what it adds is left out, as in a list.
  const { size } = value;
  writer.list(size + 1);
  writer.word("dictionary");
  let key: unknown;
  let left = size;
  try {
    for (const [nextKey, item] of value) {
      if (left-- === 0) return;
      key = nextKey;
      jellier.requireHashable(key);
      writer.list(2);
      jellier.write(key);
      jellier.write(item);
    }
    if (left > 0) throw removedWhileWritten("map");
  } catch (error) {
    throw below(error, keyStep(key));
  }
}

/** The key while none is read, for the path of an error. */
const AT_KEY: unique symbol = Symbol("key");

type Dict = Record<string, unknown>;

/** Reads a dict as an object without a prototype. Switches to a Map at the first key that is not text. */
export function readDictionary(unjellier: JellyReader, items: number): unknown {
  if (unjellier.exactness.dicts === "map") {
    const map = new Map<unknown, unknown>();
    unjellier.register(map);
    return readEntries(unjellier, items, map);
  }
  const charged = objectBytes(items);
  unjellier.charge(charged);
  const object = emptyObject(items);
  let isSparse = false;
  let key: unknown;
  try {
    for (let left = items; left > 0; left--) {
      key = readObjectKey(unjellier);
      if (typeof key !== "string") {
        unjellier.charge(-charged); // The object is not kept.
        return readEntries(unjellier, left, toMap(unjellier, object), key);
      }
      const value = unjellier.read();
      if (isIndex(key)) {
        unjellier.charge(-Heap.TEXT - key.length); // Its text is not kept.
        isSparse ||= makeSparse(object);
      }
      object[key] = value;
      if (unjellier.isPending(value)) patchObject(unjellier, object, key, value);
    }
  } catch (error) {
    throw below(error, keyStep(key));
  }
  return object;
}

function readObjectKey(unjellier: JellyReader): unknown {
  const { reader } = unjellier;
  const key = reader.keyAfter(UNICODE);
  if (key === undefined) return readEntryKey(unjellier);
  unjellier.charge(Heap.TEXT + key.length);
  return key;
}

/** Reads the head of an entry and its key, of any type. */
function readEntryKey(unjellier: JellyReader): unknown {
  if (unjellier.reader.list() !== 2)
    throw new JellyError("JELLY_MALFORMED", "An entry of a dictionary must be a list of two");
  const key = unjellier.read();
  if (unjellier.isPending(key)) {
    throw new JellyError("JELLY_MALFORMED", "A dictionary key refers to an object that is not read yet");
  }
  unjellier.requireHashable(key);
  return asKey(key, unjellier.exactness);
}

/**
 * Creates an object without a prototype. V8 makes the result of `Object.create(null)` a hash table at once, which is
 * slower to create and to read when there are few entries (bench `jelly`).
 */
function emptyObject(entries: number): Dict {
  return (entries <= 16 ? Object.setPrototypeOf({}, null) : Object.create(null)) as Dict;
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
      const value = unjellier.read();
      map.set(key, value);
      guard.added(key);
      if (unjellier.isPending(value)) patchMap(unjellier, map, key, value);
      key = AT_KEY;
    }
  } catch (error) {
    throw below(error, keyStep(key));
  }
  return map;
}

function toMap(unjellier: JellyReader, object: Dict): Map<unknown, unknown> {
  const map = new Map<unknown, unknown>();
  const guard = new HashGuard(map);
  for (const key of Object.keys(object)) {
    const value = object[key];
    map.set(key, value);
    guard.added(key);
    if (unjellier.isPending(value)) patchMap(unjellier, map, key, value);
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
};
