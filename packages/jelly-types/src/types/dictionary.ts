// Dicts: objects when every key is text, otherwise Maps.

import { BYTES_HEAP, runSteps } from "@pb/banana";
import type { ExpressionReader, Steps } from "@pb/banana";
import { below, JellyError, keyStep, removedWhileWritten, sizeOf, unreadable } from "../errors.js";
import type { JellyReader, JellyStepReader, JellyWriter, TypeHandler } from "../handler.js";
import { HashGuard } from "../reading/hash-guard.js";
import { DictBuilder, patchObject } from "../reading/dict-builder.js";
import type { Dict } from "../reading/dict-builder.js";
import { classBytes, Heap, knownDictBytes, tableBytes } from "../reading/heap.js";
import { dictShapes, MOST_FIELDS } from "../reading/shapes.js";
import { isIndex } from "../reading/sparse.js";
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

/**
 * Reads a dict as an object without a prototype. Switches to a Map at the first key that is not text. With `hasNames`,
 * byte strings are text too, unless another key makes the dict a Map.
 *
 * Where dicts are read as Maps, so are only those without `hasNames`: the others become objects in any case, unless
 * they have other keys. They switch to a Map at an array index too, which an object would not keep in its place.
 */
export function readDictionary(unjellier: JellyReader, items: number, hasNames: boolean): unknown {
  if (!hasNames && unjellier.exactness.dicts === "map") return readEntries(unjellier, items, newMap(unjellier));
  const shapes = dictShapes();
  if (items > MOST_FIELDS) return readRest(unjellier, items, new DictBuilder(unjellier, items, shapes), hasNames);
  // The dicts whose keys are known, again and without a `DictBuilder` (bench `jelly`).
  const { reader } = unjellier;
  unjellier.charge(knownDictBytes[items]!);
  const slot = reader.keyHash?.(UNICODE) ?? 0;
  let object: Dict | undefined;
  let shape = shapes.root;
  let likely = shapes.first[slot];
  let key: unknown = AT_KEY;
  try {
    for (let index = 0; index < items; index++) {
      if (likely !== undefined && reader.skipKey?.(likely.entry) === true) {
        shape = likely;
      } else {
        const name = reader.keyAfter(UNICODE);
        const next = name === undefined ? undefined : shape.find(name);
        if (next === undefined) {
          key = IN_REST;
          const builder = new DictBuilder(unjellier, items, shapes, shape, object);
          return readRest(unjellier, items - index, builder, hasNames, name);
        }
        shape = next;
        if (index === 0) shapes.first[slot] = shape;
      }
      likely = shape.next;
      const name = shape.key;
      key = name;
      const value = unjellier.read();
      object ??= shapes.newObject();
      object[name] = value;
      if (unjellier.isPending(value)) patchObject(unjellier, object, name, value);
    }
  } catch (error) {
    throw key === IN_REST ? error : below(error, keyStep(key));
  }
  if (!shape.isKnown) unjellier.charge(classBytes(shape.addObject(), items));
  return object ?? shapes.newObject();
}

/** Reads the last entries of a dict, of which the first key may be read already. */
function readRest(
  unjellier: JellyReader,
  entries: number,
  builder: DictBuilder,
  hasNames: boolean,
  firstName?: string,
): unknown {
  const { reader } = unjellier;
  const names: string[] = [];
  let name = firstName;
  let key: unknown = AT_KEY;
  try {
    for (let left = entries; left > 0; left--) {
      name ??= reader.keyAfter(UNICODE);
      if (name === undefined) {
        key = AT_KEY;
        const texts = reader.textHeap ?? 0;
        readEntryHead(unjellier);
        key = (hasNames ? readName(reader, names) : undefined) ?? toKey(unjellier, unjellier.read());
        if (!isName(key, unjellier)) {
          builder.drop();
          const firstKey = names.at(-1) === key ? toBytes(unjellier, key as string) : key;
          key = IN_REST;
          return readEntries(unjellier, left, toMap(unjellier, builder.object, names), firstKey);
        }
        builder.addRare(key, (reader.textHeap ?? 0) - texts);
        name = key;
      } else builder.add(name);
      key = name;
      // What follows is not a function, which would take longer (bench `jelly`).
      const value = unjellier.read();
      const { object } = builder;
      object[name] = value;
      if (unjellier.isPending(value)) patchObject(unjellier, object, name, value);
      name = undefined;
    }
  } catch (error) {
    throw key === IN_REST ? error : below(error, keyStep(key));
  }
  builder.finish(hasNames);
  return builder.object;
}

/** As {@link readDictionary}. */
export function* readDictionaryInSteps(unjellier: JellyStepReader, items: number, hasNames: boolean): Steps<unknown> {
  if (!hasNames && unjellier.exactness.dicts === "map")
    return yield* readEntriesInSteps(unjellier, items, newMap(unjellier));
  const { reader } = unjellier;
  const builder = new DictBuilder(unjellier, items, dictShapes());
  const names: string[] = [];
  let key: unknown = AT_KEY;
  try {
    for (let left = items; left > 0; left--) {
      if (unjellier.endsStep()) yield;
      let name = reader.keyAfter(UNICODE);
      if (name === undefined) {
        key = AT_KEY;
        const texts = reader.textHeap ?? 0;
        readEntryHead(unjellier);
        key =
          (hasNames ? readName(reader, names) : undefined) ??
          toKey(unjellier, unjellier.isLong() ? yield* unjellier.readInSteps() : unjellier.read());
        if (!isName(key, unjellier)) {
          builder.drop();
          const firstKey = names.at(-1) === key ? toBytes(unjellier, key as string) : key;
          key = IN_REST;
          const map = yield* toMapInSteps(unjellier, builder.object, names);
          return yield* readEntriesInSteps(unjellier, left, map, firstKey);
        }
        builder.addRare(key, (reader.textHeap ?? 0) - texts);
        name = key;
      } else builder.add(name);
      key = name;
      const value = unjellier.isLong() ? yield* unjellier.readInSteps() : unjellier.read();
      const { object } = builder;
      object[name] = value;
      if (unjellier.isPending(value)) patchObject(unjellier, object, name, value);
    }
  } catch (error) {
    throw key === IN_REST ? error : below(error, keyStep(key));
  }
  builder.finish(hasNames);
  return builder.object;
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

/**
 * Reads a key that is a byte string as text, and adds it to `names`. Undefined, and does not move, for any other key.
 */
function readName(reader: ExpressionReader, names: string[]): string | undefined {
  if (reader.kind() !== "bytes") return undefined;
  const name = reader.text();
  names.push(name);
  return name;
}

/** Whether an object can have the key, in its place. */
function isName(key: unknown, unjellier: JellyReader): key is string {
  return typeof key === "string" && (unjellier.exactness.dicts !== "map" || !isIndex(key));
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

/** The entries of an object. The keys that are among `names` were byte strings. */
function toMap(
  unjellier: JellyReader,
  object: Record<string, unknown>,
  names: readonly string[],
): Map<unknown, unknown> {
  return runSteps(entriesToMap(unjellier, object, names, () => false));
}

/** As {@link toMap}. */
function toMapInSteps(
  unjellier: JellyStepReader,
  object: Record<string, unknown>,
  names: readonly string[],
): Steps<Map<unknown, unknown>> {
  return entriesToMap(unjellier, object, names, () => unjellier.endsStep());
}

function* entriesToMap(
  unjellier: JellyReader,
  object: Record<string, unknown>,
  names: readonly string[],
  endsStep: () => boolean,
): Steps<Map<unknown, unknown>> {
  const map = new Map<unknown, unknown>();
  const guard = new HashGuard(map);
  const asBytes = new Set(names);
  for (const name of Object.keys(object)) {
    if (endsStep()) yield;
    addEntry(unjellier, map, guard, asBytes.has(name) ? toBytes(unjellier, name) : name, object[name]);
  }
  return map;
}

function toBytes(unjellier: JellyReader, name: string): Uint8Array {
  unjellier.charge(BYTES_HEAP + name.length);
  return new TextEncoder().encode(name);
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
  unjelly: (unjellier, items) => readDictionary(unjellier, items, false),
  unjellyInSteps: (unjellier, items) => readDictionaryInSteps(unjellier, items, false),
};
