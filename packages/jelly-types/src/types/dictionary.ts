// Dicts: plain objects where every key is text, Maps otherwise.

import { below, JellyError, keyStep } from "../errors.js";
import type { JellyReader, JellyWriter, TypeHandler } from "../handler.js";
import { asKey } from "./hashable.js";

/** The own enumerable text keys of a plain object, in its order. */
export function writeDictionary(value: Readonly<Record<string, unknown>>, jellier: JellyWriter): void {
  const keys = Object.keys(value);
  const { writer } = jellier;
  writer.list(keys.length + 1);
  writer.word("dictionary");
  let key = "";
  try {
    for (key of keys) {
      writer.list(2);
      jellier.write(key);
      jellier.write(value[key]);
    }
  } catch (error) {
    throw below(error, keyStep(key));
  }
}

function writeMap(value: ReadonlyMap<unknown, unknown>, jellier: JellyWriter): void {
  const { writer } = jellier;
  writer.list(value.size + 1);
  writer.word("dictionary");
  let key: unknown;
  try {
    for (const [nextKey, item] of value) {
      key = nextKey;
      jellier.requireHashable(key);
      writer.list(2);
      jellier.write(key);
      jellier.write(item);
    }
  } catch (error) {
    throw below(error, keyStep(key));
  }
}

/** An object without prototype as long as every key is text; a Map from the first that is not. */
function readDictionary(unjellier: JellyReader, items: number): unknown {
  const object = Object.create(null) as Record<string, unknown>;
  let map: Map<unknown, unknown> | undefined;
  if (unjellier.exactness.dicts === "map") unjellier.register((map = new Map()));
  let key: unknown;
  try {
    for (let left = items; left > 0; left--) {
      key = readKey(unjellier);
      if (map === undefined && typeof key !== "string") map = new Map<unknown, unknown>(Object.entries(object));
      const value = unjellier.read();
      if (map === undefined) object[key as string] = value;
      else map.set(key, value);
      if (unjellier.isPending(value)) {
        const place = key;
        unjellier.whenResolved(value, (resolved) => {
          if (map === undefined) object[place as string] = resolved;
          else map.set(place, resolved);
        });
      }
    }
  } catch (error) {
    throw below(error, keyStep(key));
  }
  return map ?? object;
}

function readKey(unjellier: JellyReader): unknown {
  if (unjellier.reader.kind() !== "list" || unjellier.reader.list() !== 2) {
    throw new JellyError("JELLY_MALFORMED", "An entry of a dictionary is a pair");
  }
  const key = unjellier.read();
  if (unjellier.isPending(key)) {
    throw new JellyError("JELLY_MALFORMED", "A dictionary key refers to what has not arrived yet");
  }
  unjellier.requireHashable(key);
  return asKey(key, unjellier.exactness);
}

export const dictionary: TypeHandler<ReadonlyMap<unknown, unknown>> = {
  atoms: ["dictionary"],
  classes: [Map],
  jelly: writeMap,
  unjelly: readDictionary,
};
