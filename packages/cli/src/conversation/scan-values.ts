// Looks through values for references, caches and secret fields, without building them.

import type { BananaReader } from "@pb/banana";
import type { SecretNames } from "./secret-names.js";

/** What values contain. */
export interface Found {
  /** The numbers of objects of the sender, one for each occurrence (`remote`). */
  readonly references: number[];
  /** The numbers of caches that the sender sends in full, or mentions again (`cached`). */
  readonly caches: number[];
  /** Whether there is a field with a secret name, or the values have a form that was not understood. */
  hasSecret: boolean;
}

export function nothingFound(): Found {
  return { references: [], caches: [], hasSecret: false };
}

/** Jelly's own tags whose elements contain no objects. */
const LEAVES: ReadonlySet<string> = new Set([
  ...["unicode", "None", "boolean", "decimal", "datetime", "date", "time", "timedelta"],
  ...["class", "module", "function", "dereference", "persistent", "unpersistable", "local", "lcache"],
]);

/** Jelly's own tags that are followed by values. */
export const CONTAINERS: ReadonlySet<string> = new Set(["list", "tuple", "set", "frozenset"]);

/** Reads the next value. Notes a form that is not understood as a secret, so that the slower, complete way is taken. */
export function scanValue(reader: BananaReader, names: SecretNames, found: Found): void {
  const { offset } = reader;
  try {
    scan(reader, names, found);
  } catch {
    found.hasSecret = true;
    reader.rewind(offset);
    reader.skip();
  }
}

function scan(reader: BananaReader, names: SecretNames, found: Found): void {
  if (reader.kind() !== "list") {
    reader.skip();
    return;
  }
  const length = reader.list();
  if (length === 0) return;
  if (reader.kind() !== "bytes") {
    scanMany(reader, length, names, found);
    return;
  }
  const tag = reader.word();
  if (tag === "unicode" || LEAVES.has(tag)) skipMany(reader, length - 1);
  else if (tag === "dictionary") scanDictionary(reader, length - 1, names, found);
  else if (CONTAINERS.has(tag)) {
    if (length === 3) scanPair(reader, names, found);
    else if (length === SPLICE_LENGTH) scanSplice(reader, names, found);
    else scanMany(reader, length - 1, names, found);
  } else if (tag === "remote" || tag === "cached") {
    const id = length === 2 ? numberAt(reader) : undefined;
    if (id !== undefined) (tag === "remote" ? found.references : found.caches).push(id);
    else skipMany(reader, length - 1);
  } else scanOther(reader, tag, length, names, found);
}

/** `reference`, instances and copies: values after the tag. A cache has a number before its state. */
function scanOther(reader: BananaReader, tag: string, length: number, names: SecretNames, found: Found): void {
  let left = length - 1;
  if (length === 3) {
    const id = numberAt(reader);
    if (id !== undefined) {
      left--;
      if (tag !== "reference") found.caches.push(id);
    }
  }
  scanMany(reader, left, names, found);
}

function scanDictionary(reader: BananaReader, entries: number, names: SecretNames, found: Found): void {
  for (let entry = 0; entry < entries; entry++) {
    if (reader.kind() !== "list") {
      reader.skip();
      continue;
    }
    const length = reader.list();
    if (length === 2) scanPair(reader, names, found);
    else scanMany(reader, length, names, found);
  }
}

/** The elements of an operation that replaces items in a patch of live state: `[pointer, index, count, items]`. */
export const SPLICE_LENGTH = 5;

function scanSplice(reader: BananaReader, names: SecretNames, found: Found): void {
  const { offset } = reader;
  const pointer = nameAt(reader);
  if (pointer?.startsWith("/") === true && names.isSecretField(pointer)) found.hasSecret = true;
  reader.rewind(offset);
  scanMany(reader, SPLICE_LENGTH - 1, names, found);
}

/** A key and a value, or two values of which the first may be the name of the second. */
function scanPair(reader: BananaReader, names: SecretNames, found: Found): void {
  const { offset } = reader;
  const name = nameAt(reader);
  if (name === undefined) {
    reader.rewind(offset);
    scan(reader, names, found);
  } else if (names.isSecretField(name)) found.hasSecret = true;
  scan(reader, names, found);
}

/** Reads text or a byte string. Undefined for any other value; the reader has moved then. */
function nameAt(reader: BananaReader): string | undefined {
  const kind = reader.kind();
  if (kind === "bytes") return reader.word();
  if (kind !== "list" || reader.list() !== 2 || reader.kind() !== "bytes" || reader.word() !== "unicode")
    return undefined;
  return reader.kind() === "bytes" ? reader.word() : undefined;
}

function numberAt(reader: BananaReader): number | undefined {
  const short = reader.shortInteger();
  if (short !== undefined) return short;
  return reader.kind() === "integer" ? Number(reader.integer()) : undefined;
}

function scanMany(reader: BananaReader, count: number, names: SecretNames, found: Found): void {
  for (let index = 0; index < count; index++) scan(reader, names, found);
}

function skipMany(reader: BananaReader, count: number): void {
  for (let index = 0; index < count; index++) reader.skip();
}
