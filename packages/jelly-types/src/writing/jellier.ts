// Writes values as s-expressions, straight into a writer (wire specification 4.1, 4.5).

import type { Expression, ExpressionWriter } from "@pb/banana";
import { BananaError, writeExpression } from "@pb/banana";
import { WRITING_DEPTH } from "../limits.js";
import { describe, fromBanana, JellyError } from "../errors.js";
import type { JellyWriter, TypeHandler } from "../handler.js";
import { MetObjects } from "./seen-objects.js";
import { SecurityPolicy } from "../policy.js";
import type { TypeRegistry } from "../registry.js";
import { standardTypes } from "../standard-types.js";
import { foreignKind } from "./cross-realm.js";
import { writeBoolean } from "../types/boolean.js";
import { writeDictionary } from "../types/dictionary.js";
import { requireHashable } from "../types/hashable.js";
import { writeList } from "../types/list.js";
import { writeNone } from "../types/none.js";
import { writeNumber } from "../types/number.js";
import { writeText } from "../types/text.js";

export interface JellierOptions {
  /** Types of the application, besides the standard ones. */
  readonly registry?: TypeRegistry | undefined;
  /** Which names of Python's may be sent. Default: {@link SecurityPolicy.standard}, none. */
  readonly policy?: SecurityPolicy | undefined;
  /** Values inside values. Default 150: what a stock Twisted peer can read, whatever they are. */
  readonly depth?: number | undefined;
  /**
   * Asked about each instance of a class that is no standard type: an id sends `(persistent id)` instead of the instance, undefined sends
   * the instance.
   */
  readonly persistentStore?: ((instance: object) => Expression | undefined) | undefined;
}

/**
 * Writes graphs to one writer, one after the other. An object met twice is wrapped where it stood first, `[reference, id, …]`, once the
 * second meeting shows the need; ids are given in the order of second meetings, as Twisted does.
 */
export class Jellier implements JellyWriter {
  readonly writer: ExpressionWriter;
  readonly policy: SecurityPolicy;
  readonly #registry: TypeRegistry | undefined;
  readonly #persistentStore: ((instance: object) => Expression | undefined) | undefined;
  readonly #maxDepth: number;
  #context: unknown;
  #depth = 0;
  /** For each object of this graph: where it stands (>= 0), or the negative of its reference id. */
  readonly #met = new MetObjects();
  /** Tuples of this graph that may be keys. */
  #hashable: Set<object> | undefined;
  #lastId = 0;

  constructor(writer: ExpressionWriter, options: JellierOptions = {}) {
    this.writer = writer;
    this.#registry = options.registry;
    this.policy = options.policy ?? SecurityPolicy.standard;
    this.#persistentStore = options.persistentStore;
    this.#maxDepth = options.depth ?? WRITING_DEPTH;
  }

  get context(): unknown {
    return this.#context;
  }

  /** Forgets the last graph: ids and sharing begin anew with what is written next. */
  start(context?: unknown): this {
    this.#context = context;
    this.#depth = 0;
    this.#lastId = 0;
    this.#met.clear();
    this.#hashable = undefined;
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
    const prototype = Object.getPrototypeOf(value) as object | null;
    if (prototype === Array.prototype) this.#writeArray(value as unknown[]);
    else if (prototype === Object.prototype || prototype === null) this.#writePlain(value as Record<string, unknown>);
    else this.#writeInstance(value);
  }

  #writeArray(value: unknown[]): void {
    if (this.#meets(value)) return;
    this.#enter();
    writeList(value, this);
    this.#depth--;
  }

  #writePlain(value: Record<string, unknown>): void {
    if (this.#meets(value)) return;
    this.writeProperties(value);
  }

  #writeInstance(value: object): void {
    const registered = this.#registry?.writing(value);
    const handler = registered ?? standardTypes.writing(value);
    if (this.#persistentStore !== undefined && (handler === undefined || handler === registered)) {
      const id = this.#persistentStore(value);
      if (id !== undefined) {
        this.#writePersistent(value, id);
        return;
      }
    }
    if (handler === undefined) this.#writeForeign(value);
    else if (handler.isScalar === true) handler.jelly(value, this);
    else this.#writeNested(value, handler);
  }

  #writeNested(value: object, handler: TypeHandler): void {
    if (handler.identity !== false) {
      if (this.#meets(value)) return;
    }
    this.#enter();
    handler.jelly(value, this);
    this.#depth--;
  }

  #writePersistent(value: object, id: Expression): void {
    if (this.#meets(value)) return;
    this.writer.list(2);
    this.writer.word("persistent");
    writeExpression(this.writer, id);
  }

  /** Arrays, plain objects and bytes of another realm (a frame, a `vm` context) are what they are here; nothing else is. */
  #writeForeign(value: object): void {
    const kind = foreignKind(value);
    if (kind === "array") this.#writeArray(value as unknown[]);
    else if (kind === "object") this.#writePlain(value as Record<string, unknown>);
    else if (kind === "bytes") this.writer.bytes(Uint8Array.from(value as Uint8Array));
    else if (kind === "buffer") this.writer.bytes(new Uint8Array(value as ArrayBuffer));
    else
      throw new JellyError(
        "JELLY_NOT_JELLYABLE",
        `${describe(value)} cannot be sent: register its class, or make it a Referenceable`,
      );
  }

  #enter(): void {
    if (this.#depth >= this.#maxDepth)
      throw new JellyError("JELLY_TOO_DEEP", `Values are nested more than ${this.#maxDepth} deep`);
    this.#depth++;
  }

  writeProperties(object: object): void {
    this.#enter();
    writeDictionary(object as Record<string, unknown>, this);
    this.#depth--;
  }

  requireHashable(value: unknown): void {
    if (typeof value === "object" && value !== null) requireHashable(value, (this.#hashable ??= new Set()));
  }

  /** Whether the object is in this graph already: then this refers to it, else it is about to be written. */
  #meets(value: object): boolean {
    const met = this.#met.meet(value, this.writer.position);
    if (met === undefined) return false;
    this.#dereference(value, met);
    return true;
  }

  repeat(value: object): boolean {
    const met = this.#met.get(value);
    if (met === undefined) return false;
    this.#dereference(value, met);
    return true;
  }

  #dereference(value: object, met: number): void {
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
  }

  begin(value: object): void {
    this.#met.meet(value, this.writer.position);
  }
}
