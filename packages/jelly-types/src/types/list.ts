// Lists, and what every sequence shares.

import { below } from "../errors.js";
import type { JellyReader, JellyWriter, TypeHandler } from "../handler.js";

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
    for (; index < items; index++) {
      const value = unjellier.read();
      sequence.push(value);
      if (unjellier.isPending(value)) {
        const place = index;
        unjellier.whenResolved(value, (resolved) => (sequence[place] = resolved));
      }
    }
  } catch (error) {
    throw below(error, `[${index}]`);
  }
  return sequence;
}

export const list: TypeHandler<unknown[]> = {
  atoms: ["list"],
  classes: [Array],
  jelly: writeList,
  unjelly: (unjellier, items) => readItems(unjellier, items, []),
};
