// A small memory of short ASCII strings: keys and names come again and again, and need not be built anew each time.

/** Longer texts rarely repeat (bench `codec`). */
export const LONGEST_TEXT = 32;
/** Longer words are rare. `twisted.spread.pb.PBConnectionLost` is one of 34. */
export const LONGEST_WORD = 64;
/** Sets of two slots each, so that two strings that meet in one set do not chase each other out. */
const SLOTS = 1024;
const SET_BITS = 9;
const HIGH_BITS = 0x80808080 | 0;

// Not state that anybody can observe: the same bytes give the same text, remembered or not.

/** Of each text four numbers that stand together in memory: its first and last four bytes, its length, and nothing. */
const heads = new Int32Array(4 * SLOTS);
/** Of those longer than 8, the next four bytes inwards from either end. */
const middles = new Int32Array(2 * SLOTS);
const texts = new Array<string>(SLOTS).fill("");
/** Added to the length of a text that is kept as a property name. */
const PROPERTY_NAME = 0x100;

/**
 * The text of `length` ASCII bytes; undefined when they are not all ASCII. The view must have four bytes from `start` on, even when the text
 * is shorter.
 */
export function recall(view: DataView, start: number, length: number): string | undefined {
  // Up to four loads, which overlap where the length is not 4, 8 or 16.
  let first = view.getInt32(start, true);
  let last: number;
  if (length < 4) {
    if (length === 0) return "";
    last = first &= (1 << (8 * length)) - 1;
  } else {
    last = view.getInt32(start + length - 4, true);
  }
  if (length > 8) return recallLong(view, start, length, first, last);
  const slot = (Math.imul(first ^ Math.imul(last + length, 0x85ebca6b), 0x9e3779b1) >>> (32 - SET_BITS)) << 1;
  if (heads[4 * slot] === first && heads[4 * slot + 1] === last && heads[4 * slot + 2] === (length | PROPERTY_NAME))
    return texts[slot];
  return recallOther(view, start, length, first, last, slot);
}

function recallOther(
  view: DataView,
  start: number,
  length: number,
  first: number,
  last: number,
  firstSlot: number,
): string | undefined {
  if (((first | last) & HIGH_BITS) !== 0) return undefined;
  for (let slot = firstSlot; slot < firstSlot + 2; slot++)
    if (holds(slot, first, last, length)) return asPropertyName(slot);
  return remember(firstSlot, first, 0, 0, last, shortText(view, start, start + length));
}

function recallLong(view: DataView, start: number, length: number, first: number, last: number): string | undefined {
  const second = view.getInt32(start + 4, true);
  const third = view.getInt32(start + length - 8, true);
  if (((first | second | third | last) & HIGH_BITS) !== 0) return undefined;
  const middle = second ^ Math.imul(third, 0xc2b2ae35);
  const firstSlot =
    (Math.imul(first ^ Math.imul((last ^ middle) + length, 0x85ebca6b), 0x9e3779b1) >>> (32 - SET_BITS)) << 1;
  for (let slot = firstSlot; slot < firstSlot + 2; slot++) {
    if (
      holds(slot, first, last, length) &&
      middles[2 * slot] === second &&
      middles[2 * slot + 1] === third &&
      holdsMiddle(slot, view, start, length)
    )
      return asPropertyName(slot);
  }
  for (let position = start + 8; position < start + length - 8; position++)
    if (view.getUint8(position) > 0x7f) return undefined;
  return remember(firstSlot, first, second, third, last, shortText(view, start, start + length));
}

function holds(slot: number, first: number, last: number, length: number): boolean {
  return (
    heads[4 * slot] === first && heads[4 * slot + 1] === last && (heads[4 * slot + 2]! & (PROPERTY_NAME - 1)) === length
  );
}

/** Compares what is more than eight bytes from either end. */
function holdsMiddle(slot: number, view: DataView, start: number, length: number): boolean {
  const text = texts[slot]!;
  for (let index = 8; index < length - 8; index++)
    if (text.charCodeAt(index) !== view.getUint8(start + index)) return false;
  return true;
}

/** Takes the first slot of a set; what was there moves to the second. */
function remember(slot: number, first: number, second: number, third: number, last: number, text: string): string {
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
 * Keeps the text as engines keep property names: once in memory. Comparing it with an atom in a program, or using it as a key, is then
 * comparing two addresses. Too slow for a string that is met once (bench `codec`).
 */
function asPropertyName(slot: number): string {
  const text = texts[slot]!;
  if ((heads[4 * slot + 2]! & PROPERTY_NAME) !== 0) return text;
  heads[4 * slot + 2]! |= PROPERTY_NAME;
  return (texts[slot] = Object.keys({ [text]: 0 })[0] ?? text);
}

function shortText(view: DataView, start: number, end: number): string {
  let text = "";
  let position = start;
  for (; position + 4 <= end; position += 4) {
    const four = view.getInt32(position, true);
    text += String.fromCharCode(four & 0x7f, (four >>> 8) & 0x7f, (four >>> 16) & 0x7f, four >>> 24);
  }
  for (; position < end; position++) text += String.fromCharCode(view.getUint8(position));
  return text;
}
