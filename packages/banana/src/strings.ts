// A small memory of short ASCII strings: keys and names come again and again, and need not be built anew each time.

/** Longer strings rarely repeat (bench `codec`). */
const LONGEST = 24;
const SLOTS = 1024;

interface Slot {
  readonly bytes: Uint8Array;
  readonly text: string;
}

// Not state anybody can observe: the same bytes give the same text, remembered or not.
const slots: (Slot | undefined)[] = new Array<Slot | undefined>(SLOTS).fill(undefined);

/** The text of the ASCII bytes from `start` to `end`; undefined when they are too many, or not all ASCII. */
export function recall(bytes: Uint8Array, start: number, end: number): string | undefined {
  const length = end - start;
  if (length > LONGEST) return undefined;
  if (length === 0) return "";
  let hash = length;
  let high = 0;
  for (let position = start; position < end; position++) {
    const byte = bytes[position]!;
    high |= byte;
    hash = (Math.imul(hash, 31) + byte) | 0;
  }
  if (high > 0x7f) return undefined;
  const index = (hash ^ (hash >>> 10)) & (SLOTS - 1);
  const slot = slots[index];
  if (slot !== undefined && isSame(slot.bytes, bytes, start, length)) return slot.text;
  const copy = bytes.slice(start, end);
  const text = String.fromCharCode.apply(null, copy as unknown as number[]);
  slots[index] = { bytes: copy, text };
  return text;
}

function isSame(known: Uint8Array, bytes: Uint8Array, start: number, length: number): boolean {
  if (known.length !== length) return false;
  for (let index = 0; index < length; index++) if (known[index] !== bytes[start + index]) return false;
  return true;
}
