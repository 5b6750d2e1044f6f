// Writes packed patches.

import type { Operation } from "../state/diff.js";
import { MOST_PACKED_BYTES, StepKind, Tag } from "./format.js";
import type { Places } from "./places.js";

/**
 * A patch in its packed form. The places that it names are added to `places`; with `clears`, the viewer forgets those
 * of earlier patches first, which must not be in `places` either. Undefined if it is too large, or if there is no room
 * for its places: `places` is of no use then.
 */
export function pack(
  since: number,
  revision: number,
  operations: readonly Operation[],
  places: Places,
  clears: boolean,
): Uint8Array | undefined {
  const writer = new PackWriter();
  writer.varint(since);
  writer.varint(2 * (revision - since) + (clears ? 1 : 0));
  for (const [pointer, ...change] of operations) {
    const number = places.numberOf(pointer);
    const head = 8 * (number ?? places.size);
    if (number === undefined && !places.add(pointer)) return undefined;
    writeStep(writer, head, number === undefined ? pointer : undefined, change);
    if (writer.size > MOST_PACKED_BYTES) return undefined;
  }
  return writer.take();
}

/** A state in its packed form. Undefined if it is too large. */
export function packState(state: unknown): Uint8Array | undefined {
  const writer = new PackWriter();
  writeValue(writer, state);
  return writer.size > MOST_PACKED_BYTES ? undefined : writer.take();
}

function writeStep(writer: PackWriter, place: number, name: string | undefined, change: readonly unknown[]): void {
  const begin = (kind: number): void => {
    writer.varint(place + kind);
    if (name !== undefined) writer.text(name);
  };
  if (change.length === 0) begin(StepKind.remove);
  else if (change.length === 3) {
    const [index, count, items] = change as [number, number, readonly unknown[]];
    begin(StepKind.splice);
    writer.varint(index);
    writer.varint(count);
    writeItems(writer, items);
  } else {
    const [value] = change;
    if (typeof value === "string") {
      begin(StepKind.text);
      writer.text(value);
    } else if (isWithin(value, 0xff)) {
      begin(StepKind.byte);
      writer.byte(value);
    } else if (isWithin(value, 0xffff)) {
      begin(StepKind.short);
      writer.byte(value >> 8);
      writer.byte(value & 0xff);
    } else {
      begin(StepKind.value);
      writeValue(writer, value);
    }
  }
}

/** Whether a value is an integer of at most `most`, and not -0. */
function isWithin(value: unknown, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most && !Object.is(value, -0);
}

/** Values are plain data: the state has been checked. */
function writeValue(writer: PackWriter, value: unknown): void {
  if (typeof value === "string") {
    writer.byte(Tag.text);
    writer.text(value);
  } else if (typeof value === "number") writeNumber(writer, value);
  else if (typeof value === "boolean") writer.byte(value ? Tag.true : Tag.false);
  else if (value === null) writer.byte(Tag.none);
  else if (Array.isArray(value)) {
    writer.byte(Tag.list);
    writeItems(writer, value);
  } else {
    writer.byte(Tag.dict);
    const entries = Object.entries(value as object);
    writer.varint(entries.length);
    for (const [key, item] of entries) {
      writer.text(key);
      writeValue(writer, item);
      if (writer.size > MOST_PACKED_BYTES) return; // The patch is not used.
    }
  }
}

function writeNumber(writer: PackWriter, value: number): void {
  if (isWithin(value, Number.MAX_SAFE_INTEGER)) {
    writer.byte(Tag.positive);
    writer.varint(value);
  } else if (Number.isSafeInteger(value) && value < 0) {
    writer.byte(Tag.negative);
    writer.varint(-1 - value);
  } else {
    writer.byte(Tag.float);
    writer.float(value);
  }
}

function writeItems(writer: PackWriter, items: readonly unknown[]): void {
  writer.varint(items.length);
  for (const item of items) {
    writeValue(writer, item);
    if (writer.size > MOST_PACKED_BYTES) return; // The patch is not used.
  }
}

const utf8 = new TextEncoder();

class PackWriter {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  take(): Uint8Array {
    return this.#bytes.slice(0, this.#size);
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#size++] = value;
  }

  /** Seven bits in each byte, the lowest ones first. The highest bit of a byte tells that another one follows. */
  varint(value: number): void {
    this.#reserve(8);
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#bytes[this.#size++] = (rest % 128) | 128;
    this.#bytes[this.#size++] = rest;
  }

  float(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#size, value);
    this.#size += 8;
  }

  text(text: string): void {
    // A longer text is cut, because a patch with it is too large to be used.
    const bytes = utf8.encode(text.length > MOST_PACKED_BYTES ? text.slice(0, MOST_PACKED_BYTES + 1) : text);
    this.varint(bytes.length);
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#size);
    this.#size += bytes.length;
  }

  #reserve(bytes: number): void {
    if (this.#size + bytes <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#size + bytes));
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}
