// What packed patches of live state contain (docs/extension.md, "Live state"), and their values to bytes and back.

/** A float that is an integer is a number too: the form does not tell them apart for a reader. */
export type PackedValue = null | boolean | number | string | readonly PackedValue[] | ReadonlyMap<string, PackedValue>;

/** One change. */
export interface PackedOperation {
  readonly place: number;
  /** A JSON pointer. */
  readonly pointer: string;
  /** Whether the patch names the place. */
  readonly isNamed: boolean;
  /** Where items of a list are replaced. Undefined: the whole value is set, or removed. */
  readonly splice: { readonly index: number; readonly count: number } | undefined;
  /** The value, or the list of items. Undefined: it is removed. */
  readonly value: PackedValue | undefined;
}

export interface PackedPatch {
  readonly since: number;
  readonly revision: number;
  /** Whether the viewer forgets the places that it knows. */
  readonly clears: boolean;
  readonly operations: readonly PackedOperation[];
}

const MOST_DEPTH = 100;

/** The first byte of a value. */
const Tag = { none: 0, false: 1, true: 2, positive: 3, negative: 4, float: 5, text: 6, list: 7, dict: 8 } as const;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Its methods throw `RangeError`, or `TypeError` for a text that is not UTF-8, where the bytes have another form. */
export class PackReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#offset === this.#bytes.length;
  }

  byte(): number {
    return this.#take(1)[0]!;
  }

  varint(): number {
    let value = 0;
    for (let unit = 1; unit < 2 ** 53; unit *= 128) {
      const byte = this.byte();
      value += (byte & 127) * unit;
      if (byte < 128 && Number.isSafeInteger(value)) return value;
    }
    throw new RangeError("an integer is too large");
  }

  text(): string {
    return utf8.decode(this.#take(this.varint()));
  }

  value(depth: number): PackedValue {
    if (depth > MOST_DEPTH) throw new RangeError("values are nested too deep");
    switch (this.byte()) {
      case Tag.none:
        return null;
      case Tag.false:
        return false;
      case Tag.true:
        return true;
      case Tag.positive:
        return this.varint();
      case Tag.negative:
        return -1 - this.varint();
      case Tag.float: {
        const { buffer, byteOffset } = this.#take(8);
        return new DataView(buffer, byteOffset).getFloat64(0);
      }
      case Tag.text:
        return this.text();
      case Tag.list:
        return this.items(depth + 1);
      case Tag.dict:
        return this.#entries(depth + 1);
      default:
        throw new RangeError("there is no value with this tag");
    }
  }

  /** Takes memory for the items that are there, not for the number that was sent. */
  items(depth: number): readonly PackedValue[] {
    const items: PackedValue[] = [];
    for (let left = this.varint(); left > 0; left--) items.push(this.value(depth));
    return items;
  }

  #entries(depth: number): ReadonlyMap<string, PackedValue> {
    const entries = new Map<string, PackedValue>();
    for (let left = this.varint(); left > 0; left--) {
      const key = this.text();
      entries.set(key, this.value(depth));
    }
    return entries;
  }

  #take(length: number): Uint8Array {
    const start = this.#offset;
    if (length > this.#bytes.length - start) throw new RangeError("it ends early");
    this.#offset += length;
    return this.#bytes.subarray(start, this.#offset);
  }
}

export class PackWriter {
  readonly #parts: Uint8Array[] = [];

  take(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.#parts));
  }

  varint(value: number): void {
    const bytes: number[] = [];
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
    this.#parts.push(Uint8Array.of(...bytes, rest));
  }

  text(text: string): void {
    const bytes = Buffer.from(text);
    this.varint(bytes.length);
    this.#parts.push(bytes);
  }

  value(value: PackedValue): void {
    if (value === null) this.#tag(Tag.none);
    else if (typeof value === "boolean") this.#tag(value ? Tag.true : Tag.false);
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "string") {
      this.#tag(Tag.text);
      this.text(value);
    } else if (value instanceof Map) {
      this.#tag(Tag.dict);
      this.varint(value.size);
      for (const [key, item] of value as ReadonlyMap<string, PackedValue>) {
        this.text(key);
        this.value(item);
      }
    } else {
      this.#tag(Tag.list);
      this.items(value as readonly PackedValue[]);
    }
  }

  items(items: readonly PackedValue[]): void {
    this.varint(items.length);
    for (const item of items) this.value(item);
  }

  #number(value: number): void {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
      this.#tag(value >= 0 ? Tag.positive : Tag.negative);
      this.varint(value >= 0 ? value : -1 - value);
      return;
    }
    this.#tag(Tag.float);
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(value);
    this.#parts.push(bytes);
  }

  #tag(tag: number): void {
    this.#parts.push(Uint8Array.of(tag));
  }
}
