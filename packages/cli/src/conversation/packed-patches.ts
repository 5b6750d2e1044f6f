// Packed patches of live state (docs/extension.md, "Live state"): reads them, and replaces the secrets in them.

import { REDACTED } from "./messages.js";
import type { KnownSecrets } from "./known-secrets.js";
import { PackReader, PackWriter } from "./packed-values.js";
import type { PackedOperation, PackedPatch, PackedValue } from "./packed-values.js";
import type { SecretNames } from "./secret-names.js";

/** The places that a viewer knows, and the UTF-16 units of all their pointers. */
const MOST_PLACES = 4096;
const MOST_UNITS = 262_144;

const MOST_BYTES = 65_536;

/** Live states of one side of a connection. The one that was patched least recently is forgotten for one more. */
const MOST_STATES = 1024;

/** What is done at a place: the lowest three bits of the head of a step. */
const Kind = { remove: 0, splice: 1, value: 2, byte: 3, short: 4, text: 5 } as const;

interface State {
  places: string[];
  units: number;
  /** A patch could not be read: the numbers of places are unknown until one makes the viewer forget them. */
  isLost: boolean;
}

/** Reads the packed patches that one side of a connection sends. */
export class PackedPatches {
  readonly #states = new Map<number, State>();

  /**
   * Reads a byte string that may be a packed patch for a cache. `broken`: this one cannot be read, and earlier ones
   * could be. Undefined: there is no reason to take it for one.
   */
  read(cache: number, bytes: Uint8Array): PackedPatch | "broken" | undefined {
    const known = this.#states.get(cache);
    const state = known ?? { places: [], units: 0, isLost: true };
    const patch = readPatch(bytes, state);
    state.isLost = patch === undefined;
    if (patch === undefined) return known === undefined ? undefined : "broken";
    this.#states.delete(cache);
    this.#states.set(cache, state);
    if (this.#states.size > MOST_STATES) this.#states.delete(this.#states.keys().next().value!);
    return patch;
  }

  delete(cache: number): void {
    this.#states.delete(cache);
  }
}

/** Undefined for what cannot be read. The state is of no use then. */
function readPatch(bytes: Uint8Array, state: State): PackedPatch | undefined {
  if (bytes.length > MOST_BYTES) return undefined;
  const reader = new PackReader(bytes);
  try {
    const since = reader.varint();
    const flags = reader.varint();
    const clears = flags % 2 === 1;
    if (clears) Object.assign(state, { places: [], units: 0 });
    else if (state.isLost) return undefined;
    const operations: PackedOperation[] = [];
    while (!reader.isAtEnd) operations.push(readOperation(reader, state));
    return { since, revision: since + Math.floor(flags / 2), clears, operations };
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) return undefined;
    throw error;
  }
}

function readOperation(reader: PackReader, state: State): PackedOperation {
  const head = reader.varint();
  const place = Math.floor(head / 8);
  const isNamed = place === state.places.length;
  const pointer = isNamed ? namePlace(reader.text(), state) : state.places[place];
  if (pointer === undefined) throw new RangeError("no place has this number");
  const at = { place, pointer, isNamed, splice: undefined };
  switch (head % 8) {
    case Kind.remove:
      return { ...at, value: undefined };
    case Kind.splice: {
      const splice = { index: reader.varint(), count: reader.varint() };
      return { ...at, splice, value: reader.items(0) };
    }
    case Kind.value:
      return { ...at, value: reader.value(0) };
    case Kind.byte:
      return { ...at, value: reader.byte() };
    case Kind.short:
      return { ...at, value: 256 * reader.byte() + reader.byte() };
    case Kind.text:
      return { ...at, value: reader.text() };
    default:
      throw new RangeError("there is no step of this kind");
  }
}

function namePlace(pointer: string, state: State): string {
  state.units += pointer.length;
  if (state.places.length >= MOST_PLACES || state.units > MOST_UNITS) throw new RangeError("too many places");
  state.places.push(pointer);
  return pointer;
}

/** The patch with its secrets replaced, and how many they are. */
export function redactPatch(
  patch: PackedPatch,
  names: SecretNames,
  known: KnownSecrets,
): { readonly patch: PackedPatch; readonly count: number } {
  let count = 0;
  const replaced = (value: PackedValue): PackedValue => {
    if (value === REDACTED) return value;
    count++;
    if (typeof value === "string") known.add(Buffer.from(value));
    return REDACTED;
  };
  /** A key or a pointer, of which other parts are not secret. */
  const masked = (name: string): string => {
    if (!known.occursIn(Buffer.from(name))) return name;
    count++;
    return name.startsWith("/") ? `/${REDACTED}` : REDACTED;
  };
  const redact = (value: PackedValue, isSecret: boolean): PackedValue => {
    if (Array.isArray(value)) return value.map((item: PackedValue) => redact(item, isSecret));
    if (value instanceof Map) {
      const entries: [string, PackedValue][] = [];
      for (const [key, item] of value as ReadonlyMap<string, PackedValue>)
        entries.push([masked(key), redact(item, isSecret || names.isSecretField(key))]);
      return new Map(entries);
    }
    if (value === null || typeof value === "boolean") return value;
    if (isSecret) return replaced(value);
    return typeof value === "string" && known.occursIn(Buffer.from(value)) ? replaced(value) : value;
  };
  const operations = patch.operations.map((operation) => {
    const { pointer, value } = operation;
    const shown = value === undefined ? undefined : redact(value, names.isSecretField(pointer));
    return { ...operation, pointer: masked(pointer), value: shown };
  });
  return { patch: { ...patch, operations }, count };
}

/** The bytes of a patch. */
export function packPatch({ since, revision, clears, operations }: PackedPatch): Uint8Array {
  const writer = new PackWriter();
  writer.varint(since);
  writer.varint(2 * (revision - since) + (clears ? 1 : 0));
  for (const { place, pointer, isNamed, splice, value } of operations) {
    writer.varint(8 * place + (value === undefined ? Kind.remove : splice === undefined ? Kind.value : Kind.splice));
    if (isNamed) writer.text(pointer);
    if (splice !== undefined) {
      writer.varint(splice.index);
      writer.varint(splice.count);
      writer.items(value as readonly PackedValue[]);
    } else if (value !== undefined) writer.value(value);
  }
  return writer.take();
}
