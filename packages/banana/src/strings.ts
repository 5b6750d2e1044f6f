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

/** The first and the last four bytes of each text, and of those longer than 8 the next four inwards from either end. */
const firsts = new Int32Array(SLOTS);
const lasts = new Int32Array(SLOTS);
const middles = new Int32Array(2 * SLOTS);
const texts = new Array<string>(SLOTS).fill("");
const isPropertyName = new Uint8Array(SLOTS);

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
  if (((first | last) & HIGH_BITS) !== 0) return undefined;
  let slot = (Math.imul(first ^ Math.imul(last + length, 0x85ebca6b), 0x9e3779b1) >>> (32 - SET_BITS)) << 1;
  if (firsts[slot] !== first || lasts[slot] !== last || texts[slot]!.length !== length) {
    slot ^= 1;
    if (firsts[slot] !== first || lasts[slot] !== last || texts[slot]!.length !== length)
      return remember(slot ^ 1, first, 0, 0, last, shortText(view, start, start + length));
  }
  return isPropertyName[slot] === 1 ? texts[slot] : rememberAsPropertyName(slot);
}

function recallLong(view: DataView, start: number, length: number, first: number, last: number): string | undefined {
  const second = view.getInt32(start + 4, true);
  const third = view.getInt32(start + length - 8, true);
  if (((first | second | third | last) & HIGH_BITS) !== 0) return undefined;
  const middle = second ^ Math.imul(third, 0xc2b2ae35);
  let slot = (Math.imul(first ^ Math.imul((last ^ middle) + length, 0x85ebca6b), 0x9e3779b1) >>> (32 - SET_BITS)) << 1;
  if (!holdsLong(slot, first, second, third, last, length) || !holdsMiddle(slot, view, start, length)) {
    slot ^= 1;
    if (!holdsLong(slot, first, second, third, last, length) || !holdsMiddle(slot, view, start, length)) {
      for (let position = start + 8; position < start + length - 8; position++)
        if (view.getUint8(position) > 0x7f) return undefined;
      return remember(slot ^ 1, first, second, third, last, shortText(view, start, start + length));
    }
  }
  return isPropertyName[slot] === 1 ? texts[slot] : rememberAsPropertyName(slot);
}

/** Compares what is more than eight bytes from either end. */
function holdsMiddle(slot: number, view: DataView, start: number, length: number): boolean {
  const text = texts[slot]!;
  for (let index = 8; index < length - 8; index++)
    if (text.charCodeAt(index) !== view.getUint8(start + index)) return false;
  return true;
}

function holdsLong(slot: number, a: number, b: number, c: number, d: number, length: number): boolean {
  return (
    firsts[slot] === a &&
    middles[2 * slot] === b &&
    middles[2 * slot + 1] === c &&
    lasts[slot] === d &&
    texts[slot]!.length === length
  );
}

/** Takes the first slot of a set; what was there moves to the second. */
function remember(slot: number, first: number, second: number, third: number, last: number, text: string): string {
  const other = slot ^ 1;
  firsts[other] = firsts[slot]!;
  middles[2 * other] = middles[2 * slot]!;
  middles[2 * other + 1] = middles[2 * slot + 1]!;
  lasts[other] = lasts[slot]!;
  texts[other] = texts[slot]!;
  isPropertyName[other] = isPropertyName[slot]!;
  firsts[slot] = first;
  middles[2 * slot] = second;
  middles[2 * slot + 1] = third;
  lasts[slot] = last;
  texts[slot] = text;
  isPropertyName[slot] = 0;
  return text;
}

/**
 * Keeps the text as engines keep property names: once in memory. Comparing it with an atom in a program, or using it as a key, is then
 * comparing two addresses. Too slow for a string that is met once (bench `codec`).
 */
function rememberAsPropertyName(slot: number): string {
  const text = texts[slot]!;
  isPropertyName[slot] = 1;
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
