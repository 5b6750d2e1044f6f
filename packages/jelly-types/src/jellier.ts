// Writes values as s-expressions, straight into a writer (wire specification 4.1, 4.5).

import type { ExpressionWriter } from "@pb/banana";
import { BananaError } from "@pb/banana";
import { describe, fromBanana, JellyError } from "./errors.js";
import type { JellyWriter } from "./handler.js";
import type { TypeRegistry } from "./registry.js";
import { standardTypes } from "./standard.js";
import { writeBoolean } from "./types/boolean.js";
import { writeDictionary } from "./types/dictionary.js";
import { writeList } from "./types/list.js";
import { writeNone } from "./types/none.js";
import { writeNumber } from "./types/number.js";
import { writeText } from "./types/text.js";

/** Values inside values. CPython's recursion limit keeps a stock peer from reading much more, and it fits in any JavaScript stack. */
export const DEFAULT_DEPTH = 500;

export interface JellierOptions {
  /** Types of the application, besides the standard ones. */
  readonly registry?: TypeRegistry | undefined;
  /** Values inside values. Default 500. */
  readonly depth?: number | undefined;
}

/**
 * Writes graphs to one writer, one after the other. An object met twice is wrapped where it stood first, `[reference, id, …]`, once the
 * second meeting shows the need; ids are given in the order of second meetings, as Twisted does.
 */
export class Jellier implements JellyWriter {
  readonly writer: ExpressionWriter;
  readonly #registry: TypeRegistry | undefined;
  readonly #maxDepth: number;
  #context: unknown;
  #depth = 0;
  /** For each object of this graph: where it stands (>= 0), or the negative of its reference id. */
  readonly #met = new Map<object, number>();
  #lastId = 0;

  constructor(writer: ExpressionWriter, options: JellierOptions = {}) {
    this.writer = writer;
    this.#registry = options.registry;
    this.#maxDepth = options.depth ?? DEFAULT_DEPTH;
  }

  get context(): unknown {
    return this.#context;
  }

  /** Forgets the last graph: ids and sharing begin anew with what is written next. */
  start(context?: unknown): this {
    this.#context = context;
    this.#depth = 0;
    this.#lastId = 0;
    if (this.#met.size > 0) this.#met.clear();
    return this;
  }

  /** One whole graph. Throws {@link JellyError} for a value that cannot travel; the writer then holds a torso: truncate it. */
  writeGraph(value: unknown, context?: unknown): void {
    this.start(context);
    try {
      this.write(value);
    } catch (error) {
      throw error instanceof BananaError ? fromBanana(error) : error;
    }
  }

  write(value: unknown): void {
    switch (typeof value) {
      case "string":
        writeText(this.writer, value);
        break;
      case "number":
        writeNumber(this.writer, value);
        break;
      case "boolean":
        writeBoolean(this.writer, value);
        break;
      case "undefined":
        writeNone(this.writer);
        break;
      case "bigint":
        this.writer.integer(value);
        break;
      case "object":
        if (value === null) writeNone(this.writer);
        else this.#writeObject(value);
        break;
      case "function":
      case "symbol":
        throw new JellyError("JELLY_NOT_JELLYABLE", `${describe(value)} cannot be sent`);
    }
  }

  #writeObject(value: object): void {
    if (this.#depth >= this.#maxDepth)
      throw new JellyError("JELLY_TOO_DEEP", `Values are nested more than ${this.#maxDepth} deep`);
    this.#depth++;
    const prototype = Object.getPrototypeOf(value) as object | null;
    if (prototype === Array.prototype) {
      if (!this.repeat(value)) {
        this.begin(value);
        writeList(value as unknown[], this);
      }
    } else if (prototype === Object.prototype || prototype === null) {
      if (!this.repeat(value)) {
        this.begin(value);
        writeDictionary(value as Record<string, unknown>, this);
      }
    } else {
      const handler = this.#registry?.writing(value) ?? standardTypes.writing(value);
      if (handler === undefined)
        throw new JellyError(
          "JELLY_NOT_JELLYABLE",
          `${describe(value)} cannot be sent: register its class, or make it a Referenceable`,
        );
      if (handler.identity === false) {
        handler.jelly(value, this);
      } else if (!this.repeat(value)) {
        this.begin(value);
        handler.jelly(value, this);
      }
    }
    this.#depth--;
  }

  repeat(value: object): boolean {
    const met = this.#met.get(value);
    if (met === undefined) return false;
    let id = -met;
    if (met >= 0) {
      id = ++this.#lastId;
      this.#met.set(value, -id);
      this.writer.insert(met, (writer) => {
        writer.list(3);
        writer.word("reference");
        writer.integer(id);
      });
    }
    this.writer.list(2);
    this.writer.word("dereference");
    this.writer.integer(id);
    return true;
  }

  begin(value: object): void {
    this.#met.set(value, this.writer.position);
  }
}
