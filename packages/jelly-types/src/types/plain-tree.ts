// `PlainTree`: plain data that is written once, and appended as bytes from then on.

import { BananaError, BananaWriter } from "@pb/banana";
import type { Dialect, ExpressionWriter } from "@pb/banana";
import { below, describe, fromBanana, JellyError, keyStep } from "../errors.js";
import type { JellyWriter, WritingHandler } from "../handler.js";
import { WRITING_DEPTH } from "../limits.js";
import { writeBoolean } from "./boolean.js";
import { writeNone } from "./none.js";
import { writeNumber } from "./number.js";
import { writeText } from "./text.js";

/**
 * Plain data that is sent to many peers: null, booleans, numbers, text, and arrays and plain objects of these. It is
 * written once for each dialect, and its bytes are kept as long as this object (bench `live`). It arrives as its
 * `value` does, but as a tree: an object that it contains twice arrives as two objects. It must not change.
 */
export class PlainTree {
  #read: () => unknown;
  readonly #bytes = new Map<Dialect, Uint8Array>();
  /** Known when it has been written. */
  #levels = 0;

  constructor(value: unknown) {
    this.#read = () => value;
  }

  /**
   * A tree that another process has written: its bytes in a dialect, and its {@link levelsIn}. The bytes are sent as
   * they are, so they must come from a process that is trusted. `read` returns the value for other dialects.
   */
  static ofBytes(dialect: Dialect, bytes: Uint8Array, levels: number, read: () => unknown): PlainTree {
    let value: { readonly read: unknown } | undefined;
    const tree = new PlainTree(undefined);
    tree.#read = () => (value ??= { read: read() }).read;
    tree.#bytes.set(dialect, bytes);
    tree.#levels = levels;
    return tree;
  }

  get value(): unknown {
    return this.#read();
  }

  /** How deep arrays and objects are nested. Throws as {@link bytesIn} does. */
  levelsIn(dialect: Dialect): number {
    this.bytesIn(dialect);
    return this.#levels;
  }

  /**
   * Its bytes in a dialect. Throws {@link JellyError}, with the path, for any other value, for one that is nested more
   * than 150 deep, and for text of more than 655,360 bytes.
   */
  bytesIn(dialect: Dialect): Uint8Array {
    let bytes = this.#bytes.get(dialect);
    if (bytes === undefined) {
      // In a writer of its own, because insertions may still move what a message contains already.
      const writer = new BananaWriter({ dialect });
      this.#levels = writeTree(this.value, writer, WRITING_DEPTH);
      bytes = writer.take();
      this.#bytes.set(dialect, bytes);
    }
    return bytes;
  }

  /** @internal Writes it inside other values. */
  static write(tree: PlainTree, jellier: JellyWriter): void {
    const { writer } = jellier;
    if (writer instanceof BananaWriter) {
      const bytes = tree.bytesIn(writer.dialect);
      jellier.requireDepth(tree.#levels);
      writer.append(bytes);
    } else {
      jellier.requireDepth(writeTree(tree.value, writer, WRITING_DEPTH));
    }
  }
}

export const plainTreeType: WritingHandler<PlainTree> = {
  atoms: [],
  classes: [PlainTree],
  identity: false,
  isScalar: true,
  jelly: (tree, jellier) => PlainTree.write(tree, jellier),
};

/** Returns how deep arrays and objects are nested. */
function writeTree(value: unknown, writer: ExpressionWriter, depth: number): number {
  if (typeof value === "object" && value !== null) {
    if (depth === 0) throw new JellyError("JELLY_TOO_DEEP", `Values are nested more than ${WRITING_DEPTH} deep`);
    if (Array.isArray(value)) return 1 + writeItems(value, writer, depth - 1);
    if (isPlain(value)) return 1 + writeEntries(value as Readonly<Record<string, unknown>>, writer, depth - 1);
    throw refused(value);
  }
  try {
    writeScalar(value, writer);
  } catch (error) {
    throw error instanceof BananaError ? fromBanana(error) : error;
  }
  return 0;
}

function writeScalar(value: unknown, writer: ExpressionWriter): void {
  if (typeof value === "string") writeText(writer, value);
  else if (typeof value === "number") writeNumber(writer, value);
  else if (typeof value === "boolean") writeBoolean(writer, value);
  else if (value === null) writeNone(writer);
  else throw refused(value);
}

/** Whether an object has no class: its properties are all that it is. The objects of another realm count too. */
function isPlain(object: object): boolean {
  const prototype = Object.getPrototypeOf(object) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function refused(value: unknown): JellyError {
  return new JellyError("JELLY_NOT_JELLYABLE", `A plain tree cannot contain ${describe(value)}`);
}

function writeItems(items: readonly unknown[], writer: ExpressionWriter, depth: number): number {
  let levels = 0;
  writer.list(items.length + 1);
  writer.word("list");
  for (let index = 0; index < items.length; index++) {
    try {
      levels = Math.max(levels, writeTree(items[index], writer, depth));
    } catch (error) {
      throw below(error, `[${index}]`);
    }
  }
  return levels;
}

function writeEntries(entries: Readonly<Record<string, unknown>>, writer: ExpressionWriter, depth: number): number {
  let levels = 0;
  const keys = Object.keys(entries);
  writer.list(keys.length + 1);
  writer.word("dictionary");
  for (const key of keys) {
    try {
      writer.list(2);
      writeText(writer, key);
      levels = Math.max(levels, writeTree(entries[key], writer, depth));
    } catch (error) {
      throw below(error, keyStep(key));
    }
  }
  return levels;
}
