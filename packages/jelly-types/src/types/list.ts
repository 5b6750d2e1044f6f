// Lists, and what every sequence shares.

import { below } from "../errors.js";
import type { JellyReader, JellyWriter, TypeHandler } from "../handler.js";

/** Shorter rows of integers are not worth a look (bench `jelly`). */
const MANY = 16;

export function writeList(value: readonly unknown[], jellier: JellyWriter): void {
  writeItems("list", value, jellier);
}

/** An atom and the elements behind it. */
export function writeItems(atom: string, items: readonly unknown[], jellier: JellyWriter): void {
  const { length } = items;
  jellier.writer.list(length + 1);
  jellier.writer.word(atom);
  let index = 0;
  try {
    for (; index < length; index++) jellier.write(items[index]);
  } catch (error) {
    throw below(error, `[${index}]`);
  }
}

/** Reads elements to the end of `sequence`, which is known to them under its reference id. */
export function readItems<Sequence extends unknown[]>(
  unjellier: JellyReader,
  items: number,
  sequence: Sequence,
): Sequence {
  unjellier.register(sequence);
  let index = 0;
  try {
    if (items >= MANY) index = readIntegers(unjellier, items, sequence);
    for (; index < items; index++) {
      const value = unjellier.read();
      sequence[index] = value;
      if (unjellier.isPending(value)) patchLater(unjellier, sequence, index, value);
    }
  } catch (error) {
    throw below(error, `[${index}]`);
  }
  return sequence;
}

/** Where many integers stand in a row, they are read in one go. Returns how many there were. */
function readIntegers(unjellier: JellyReader, items: number, sequence: unknown[]): number {
  const { reader, exactness } = unjellier;
  if (exactness.integers !== "number" || reader.kind() !== "integer") return 0;
  sequence.length = items; // which have all arrived
  return reader.integers(sequence, 0);
}

function patchLater(unjellier: JellyReader, sequence: unknown[], index: number, placeholder: unknown): void {
  unjellier.whenResolved(placeholder, (resolved) => (sequence[index] = resolved));
}

export function readList(unjellier: JellyReader, items: number): unknown[] {
  return readItems(unjellier, items, []);
}

export const list: TypeHandler<unknown[]> = {
  atoms: ["list"],
  classes: [Array],
  jelly: writeList,
  unjelly: readList,
};
