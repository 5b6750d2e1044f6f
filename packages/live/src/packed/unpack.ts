// Reads packed patches of a peer, which may send anything.

import { LiveError } from "../errors.js";
import { MOST_DEPTH } from "../state/limits.js";
import { MOST_PACKED_BYTES, StepKind, Tag } from "./format.js";
import { Places } from "./places.js";
import { LEAST_ENTRIES, ValuesHeap } from "./values-heap.js";

/** A patch as a peer may also send it in jelly: not checked any further. */
export interface UnpackedPatch {
  readonly since: number;
  readonly revision: number;
  readonly operations: readonly unknown[];
  /** The memory of the operations, in bytes. */
  readonly heapBytes: number;
}

/** Reads the packed patches of one view, in their order. */
export class Unpacker {
  readonly #places = new Places();
  /** Whether a patch could not be read, so that the numbers of places may differ from those of the peer. */
  #isLost = false;

  /**
   * Throws {@link LiveError} for what is no packed patch, and with the code `LIVE_TOO_LARGE` for one whose operations
   * take more than `mostHeapBytes` bytes of memory.
   */
  read(bytes: unknown, mostHeapBytes?: number): UnpackedPatch {
    if (!(bytes instanceof Uint8Array)) throw badPack("it is not a byte string");
    requireSize(bytes);
    const wasLost = this.#isLost;
    this.#isLost = true;
    const heap = new ValuesHeap(mostHeapBytes ?? Infinity);
    const reader = new PackReader(bytes, heap);
    const since = reader.varint();
    const flags = reader.varint();
    if (flags % 2 === 1) this.#places.clear();
    else if (wasLost) throw badPack("an earlier one could not be read");
    const operations: unknown[] = [];
    heap.list();
    for (let room = 0; !reader.isAtEnd;) {
      room = heap.item(operations.length, room);
      heap.step();
      operations.push(this.#step(reader));
    }
    this.#isLost = false;
    return { since, revision: since + Math.floor(flags / 2), operations, heapBytes: heap.bytes };
  }

  #step(reader: PackReader): readonly unknown[] {
    const head = reader.varint();
    const pointer = this.#pointer(Math.floor(head / 8), reader);
    switch (head % 8) {
      case StepKind.remove:
        return [pointer];
      case StepKind.splice:
        return [pointer, reader.varint(), reader.varint(), reader.items(0)];
      case StepKind.value:
        return [pointer, reader.value(0)];
      case StepKind.byte:
        return [pointer, reader.byte()];
      case StepKind.short:
        return [pointer, 256 * reader.byte() + reader.byte()];
      case StepKind.text:
        return [pointer, reader.text()];
      default:
        throw badPack(`there is no step of the kind ${head % 8}`);
    }
  }

  /** The number after the last one names another place. */
  #pointer(number: number, reader: PackReader): string {
    const known = this.#places.pointerOf(number);
    if (known !== undefined) return known;
    if (number !== this.#places.size) throw badPack(`no place has the number ${number}`);
    const pointer = reader.text();
    if (!this.#places.add(pointer)) throw badPack("it names too many places");
    return pointer;
  }
}

function requireSize(bytes: Uint8Array): void {
  if (bytes.length > MOST_PACKED_BYTES) throw badPack(`it has more than ${MOST_PACKED_BYTES} bytes`);
}

/**
 * Reads a packed state. `charge` is called with the bytes of memory that each value takes, before it is created. Throws
 * {@link LiveError} for what is no packed state.
 */
export function unpackState(bytes: Uint8Array, charge: (bytes: number) => void): unknown {
  requireSize(bytes);
  const reader = new PackReader(bytes, new StateHeap(charge));
  const state = reader.value(0);
  if (!reader.isAtEnd) throw badPack("something follows the state");
  return state;
}

/**
 * What values take while a view is made of them, twice where they are converted. Bytes of V8's heap: of text apart from
 * its characters, of a list and each item, of a dict and each entry. A list is enlarged by half and 16 items.
 */
const TEXT_HEAP = 24;
const LIST_HEAP = 2 * 160;
const ITEM_HEAP = 2 * 12;
const DICT_HEAP = 200;
const ENTRY_HEAP = 80;
const FLOAT_HEAP = 16;

type Counting = Pick<ValuesHeap, "text" | "number" | "list" | "item" | "map" | "entry">;

/** Charges the values of a state. */
class StateHeap implements Counting {
  readonly #charge: (bytes: number) => void;

  constructor(charge: (bytes: number) => void) {
    this.#charge = charge;
  }

  text(bytes: number): void {
    this.#charge(TEXT_HEAP + bytes);
  }

  number(value: number): void {
    if (!Number.isInteger(value) || Math.abs(value) >= 2 ** 31) this.#charge(FLOAT_HEAP);
  }

  list(): void {
    this.#charge(LIST_HEAP);
  }

  item(_length: number, room: number): number {
    this.#charge(ITEM_HEAP);
    return room;
  }

  map(): void {
    this.#charge(DICT_HEAP);
  }

  entry(_size: number, room: number): number {
    this.#charge(ENTRY_HEAP);
    return room;
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

class PackReader {
  readonly #bytes: Uint8Array;
  readonly #heap: Counting;
  #offset = 0;

  constructor(bytes: Uint8Array, heap: Counting) {
    this.#bytes = bytes;
    this.#heap = heap;
  }

  get isAtEnd(): boolean {
    return this.#offset === this.#bytes.length;
  }

  byte(): number {
    const byte = this.#bytes[this.#offset];
    if (byte === undefined) throw badPack("it ends early");
    this.#offset++;
    return byte;
  }

  varint(): number {
    let value = 0;
    for (let unit = 1; unit < 2 ** 53; unit *= 128) {
      const byte = this.byte();
      value += (byte & 127) * unit;
      if (byte < 128 && Number.isSafeInteger(value)) return value;
    }
    throw badPack("an integer is too large");
  }

  text(): string {
    const bytes = this.#take(this.varint());
    this.#heap.text(bytes.length);
    try {
      return utf8.decode(bytes);
    } catch (cause) {
      throw badPack("a text is not UTF-8", cause);
    }
  }

  /** A value. Dicts are Maps, because their keys may be any text. */
  value(depth: number): unknown {
    if (depth > MOST_DEPTH) throw badPack(`values are nested more than ${MOST_DEPTH} deep`);
    const tag = this.byte();
    switch (tag) {
      case Tag.none:
        return null;
      case Tag.false:
        return false;
      case Tag.true:
        return true;
      case Tag.positive:
        return this.#counted(this.varint());
      case Tag.negative:
        return this.#counted(-1 - this.varint());
      case Tag.float: {
        const { buffer, byteOffset } = this.#take(8);
        return this.#counted(new DataView(buffer, byteOffset).getFloat64(0));
      }
      case Tag.text:
        return this.text();
      case Tag.list:
        return this.items(depth + 1);
      case Tag.dict:
        return this.#entries(depth + 1);
      default:
        throw badPack(`there is no value with the tag ${tag}`);
    }
  }

  /** It takes memory for what is there, not for the number that was sent. */
  items(depth: number): unknown[] {
    const items: unknown[] = [];
    this.#heap.list();
    let room = 0;
    for (let left = this.varint(); left > 0; left--) {
      room = this.#heap.item(items.length, room);
      items.push(this.value(depth));
    }
    return items;
  }

  #entries(depth: number): Map<string, unknown> {
    this.#heap.map();
    const entries = new Map<string, unknown>();
    let room = LEAST_ENTRIES;
    for (let left = this.varint(); left > 0; left--) {
      room = this.#heap.entry(entries.size, room);
      const key = this.text();
      entries.set(key, this.value(depth));
    }
    return entries;
  }

  #counted(value: number): number {
    this.#heap.number(value);
    return value;
  }

  #take(length: number): Uint8Array {
    const start = this.#offset;
    if (length > this.#bytes.length - start) throw badPack("it ends early");
    this.#offset += length;
    return this.#bytes.subarray(start, this.#offset);
  }
}

function badPack(problem: string, cause?: unknown): LiveError {
  return new LiveError("LIVE_BAD_PATCH", `The packed patch cannot be read: ${problem}`, { cause });
}
