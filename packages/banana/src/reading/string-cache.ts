// A cache of short ASCII strings: keys and names repeat, and need not be created again each time.

/** The longest text in the cache. Longer ones rarely repeat (bench `codec`). */
export const MAX_CACHED_TEXT = 32;
/** The longest word in the cache. Longer ones are rare; `twisted.spread.pb.PBConnectionLost` has 34 bytes. */
export const MAX_CACHED_WORD = 64;
/** The cache has sets of two slots, so that two strings with the same hash do not evict each other. */
const SLOTS = 1024;
const SET_BITS = 9;
const HIGH_BITS = 0x80808080 | 0;

// Module state, but not observable: the same bytes give the same text, cached or not.

/**
 * For each slot four adjacent numbers: the first and the last four bytes of the text, its length, and one that is
 * unused.
 */
const heads = new Int32Array(4 * SLOTS);
/**
 * For each slot, when the text is longer than 8 bytes: the second four bytes, and the four bytes before the last four.
 */
const middles = new Int32Array(2 * SLOTS);
const texts = new Array<string>(SLOTS).fill("");
/** A flag in the length of a text that is internalized: see {@link internalize}. */
const INTERNALIZED = 0x100;

/** The memory that created texts take. */
export interface TextMeter {
  /** In bytes of V8's heap. */
  heap: number;
}

/** The memory of a text without its characters, and the bytes by which V8 aligns. */
const TEXT_HEAP = 16;
const ALIGNMENT = 8;

/** Adds the memory of a text whose characters take so many bytes. */
export function meterText(meter: TextMeter, bytes: number): void {
  meter.heap += TEXT_HEAP + ((bytes + ALIGNMENT - 1) & -ALIGNMENT);
}

/**
 * Returns the text of `length` ASCII bytes; undefined when a byte is not ASCII. The view must have at least four bytes
 * from `start` on, even when the text is shorter. Adds the memory of the text to `meter` when the cache does not have
 * it.
 */
export function cachedText(view: DataView, start: number, length: number, meter: TextMeter): string | undefined {
  // Up to four loads. They overlap when the length is not 4, 8 or 16.
  let first = view.getInt32(start, true);
  let last: number;
  if (length < 4) {
    if (length === 0) return "";
    last = first &= (1 << (8 * length)) - 1;
  } else {
    last = view.getInt32(start + length - 4, true);
  }
  if (length > 8) return cachedLongText(view, start, length, first, last, meter);
  const slot = (Math.imul(first ^ Math.imul(last + length, 0x85ebca6b), 0x9e3779b1) >>> (32 - SET_BITS)) << 1;
  if (heads[4 * slot] === first && heads[4 * slot + 1] === last && heads[4 * slot + 2] === (length | INTERNALIZED))
    return texts[slot];
  return findOrAdd(view, start, length, first, last, slot, meter);
}

function findOrAdd(
  view: DataView,
  start: number,
  length: number,
  first: number,
  last: number,
  firstSlot: number,
  meter: TextMeter,
): string | undefined {
  if (((first | last) & HIGH_BITS) !== 0) return undefined;
  for (let slot = firstSlot; slot < firstSlot + 2; slot++)
    if (hasText(slot, first, last, length)) return internalize(slot);
  meterText(meter, length);
  return add(firstSlot, first, 0, 0, last, createText(view, start, start + length));
}

function cachedLongText(
  view: DataView,
  start: number,
  length: number,
  first: number,
  last: number,
  meter: TextMeter,
): string | undefined {
  const second = view.getInt32(start + 4, true);
  const third = view.getInt32(start + length - 8, true);
  if (((first | second | third | last) & HIGH_BITS) !== 0) return undefined;
  const middle = second ^ Math.imul(third, 0xc2b2ae35);
  const firstSlot =
    (Math.imul(first ^ Math.imul((last ^ middle) + length, 0x85ebca6b), 0x9e3779b1) >>> (32 - SET_BITS)) << 1;
  for (let slot = firstSlot; slot < firstSlot + 2; slot++) {
    if (
      hasText(slot, first, last, length) &&
      middles[2 * slot] === second &&
      middles[2 * slot + 1] === third &&
      hasMiddle(slot, view, start, length)
    )
      return internalize(slot);
  }
  for (let position = start + 8; position < start + length - 8; position++)
    if (view.getUint8(position) > 0x7f) return undefined;
  meterText(meter, length);
  return add(firstSlot, first, second, third, last, createText(view, start, start + length));
}

function hasText(slot: number, first: number, last: number, length: number): boolean {
  return (
    heads[4 * slot] === first && heads[4 * slot + 1] === last && (heads[4 * slot + 2]! & (INTERNALIZED - 1)) === length
  );
}

/** Compares the bytes that are more than eight bytes from the start and from the end. */
function hasMiddle(slot: number, view: DataView, start: number, length: number): boolean {
  const text = texts[slot]!;
  for (let index = 8; index < length - 8; index++)
    if (text.charCodeAt(index) !== view.getUint8(start + index)) return false;
  return true;
}

/** Stores a text in the first slot of a set, whose content moves to the second slot. */
function add(slot: number, first: number, second: number, third: number, last: number, text: string): string {
  const other = slot ^ 1;
  for (let part = 0; part < 3; part++) heads[4 * other + part] = heads[4 * slot + part]!;
  middles[2 * other] = middles[2 * slot]!;
  middles[2 * other + 1] = middles[2 * slot + 1]!;
  texts[other] = texts[slot]!;
  heads[4 * slot] = first;
  heads[4 * slot + 1] = last;
  heads[4 * slot + 2] = text.length;
  middles[2 * slot] = second;
  middles[2 * slot + 1] = third;
  texts[slot] = text;
  return text;
}

/**
 * Internalizes the text, as JavaScript engines do for property names: a comparison with a literal, or its use as a key,
 * is then a comparison of two addresses. Called at the second occurrence, because it is too slow for a text that occurs
 * once (bench `codec`).
 */
function internalize(slot: number): string {
  const text = texts[slot]!;
  if ((heads[4 * slot + 2]! & INTERNALIZED) !== 0) return text;
  heads[4 * slot + 2]! |= INTERNALIZED;
  return (texts[slot] = Object.keys({ [text]: 0 })[0] ?? text);
}

/** V8 joins text of up to twelve characters in place; longer text would be a tree of its parts, four times as large. */
const MAX_JOINED = 12;

const latin1 = new TextDecoder("latin1");

function createText(view: DataView, start: number, end: number): string {
  if (end - start > MAX_JOINED) return latin1.decode(new Uint8Array(view.buffer, view.byteOffset + start, end - start));
  let text = "";
  let position = start;
  for (; position + 4 <= end; position += 4) {
    const four = view.getInt32(position, true);
    text += String.fromCharCode(four & 0x7f, (four >>> 8) & 0x7f, (four >>> 16) & 0x7f, four >>> 24);
  }
  for (; position < end; position++) text += String.fromCharCode(view.getUint8(position));
  return text;
}
