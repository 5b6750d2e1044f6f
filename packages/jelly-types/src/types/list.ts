// Lists, and the reading and writing of elements that lists and tuples share.

import { LIST_HEAP, SLOT_HEAP } from "@pb/banana";
import type { Steps } from "@pb/banana";
import { below, unreadable } from "../errors.js";
import type { JellyReader, JellyStepReader, JellyWriter, TypeHandler } from "../handler.js";

/** In shorter lists, looking for consecutive integers costs more than it saves (bench `jelly`). */
const MANY_ITEMS = 16;

export function writeList(value: readonly unknown[], jellier: JellyWriter): void {
  writeItems("list", value, jellier);
}

/** Writes a list of the atom and all elements. */
export function writeItems(atom: string, items: readonly unknown[], jellier: JellyWriter): void {
  const length = lengthOf(items);
  jellier.writer.list(length + 1);
  jellier.writer.word(atom);
  let index = 0;
  let hasItem = false;
  try {
    for (; index < length; index++) {
      hasItem = false;
      const item = items[index];
      hasItem = true;
      jellier.write(item);
    }
  } catch (error) {
    throw below(hasItem ? error : unreadable(error), `[${index}]`);
  }
}

function lengthOf(items: readonly unknown[]): number {
  try {
    return items.length;
  } catch (cause) {
    throw unreadable(cause);
  }
}

/**
 * Reads the elements of `sequence`, which has the right length already: appending would reserve memory for 17 elements.
 * It is registered first, so that its elements can refer to it.
 */
export function readItems<Sequence extends unknown[]>(
  unjellier: JellyReader,
  items: number,
  sequence: Sequence,
): Sequence {
  unjellier.register(sequence);
  let index = 0;
  try {
    if (items >= MANY_ITEMS) index = readIntegers(unjellier, sequence);
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

/** As {@link readItems}. */
export function* readItemsInSteps<Sequence extends unknown[]>(
  unjellier: JellyStepReader,
  items: number,
  sequence: Sequence,
): Steps<Sequence> {
  unjellier.register(sequence);
  let index = 0;
  try {
    if (items >= MANY_ITEMS) index = readIntegers(unjellier, sequence);
    for (; index < items; index++) {
      if (unjellier.endsStep()) yield;
      const value = unjellier.isLong() ? yield* unjellier.readInSteps() : unjellier.read();
      sequence[index] = value;
      if (unjellier.isPending(value)) patchLater(unjellier, sequence, index, value);
    }
  } catch (error) {
    throw below(error, `[${index}]`);
  }
  return sequence;
}

/** Reads the integers at the start of the list in one call. Returns how many it read. */
function readIntegers(unjellier: JellyReader, sequence: unknown[]): number {
  const { reader, exactness } = unjellier;
  if (exactness.integers !== "number" || reader.kind() !== "integer") return 0;
  return reader.integers(sequence, 0);
}

function patchLater(unjellier: JellyReader, sequence: unknown[], index: number, placeholder: unknown): void {
  unjellier.whenResolved(placeholder, (resolved) => (sequence[index] = resolved));
}

/** V8 keeps the elements in an object of their own, which all empty lists share. */
function listBytes(items: number): number {
  return items === 0 ? LIST_HEAP - 2 * SLOT_HEAP : LIST_HEAP + SLOT_HEAP * items;
}

export function readList(unjellier: JellyReader, items: number): unknown[] {
  unjellier.charge(listBytes(items));
  return readItems(unjellier, items, new Array<unknown>(items));
}

export function readListInSteps(unjellier: JellyStepReader, items: number): Steps<unknown[]> {
  unjellier.charge(listBytes(items));
  return readItemsInSteps(unjellier, items, new Array<unknown>(items));
}

export const list: TypeHandler<unknown[]> = {
  atoms: ["list"],
  classes: [Array],
  jelly: writeList,
  unjelly: readList,
  unjellyInSteps: readListInSteps,
};
