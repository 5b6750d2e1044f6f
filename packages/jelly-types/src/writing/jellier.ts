// `Jellier` writes values as s-expressions, directly into an `ExpressionWriter` (wire specification 4.1, 4.5).

import type { Expression, ExpressionWriter } from "@pb/banana";
import { BananaError, writeExpression } from "@pb/banana";
import { WRITING_DEPTH } from "../limits.js";
import { describe, fromBanana, JellyError, unreadable } from "../errors.js";
import type { JellyWriter, WritingHandler } from "../handler.js";
import { refusal } from "./advice.js";
import { SeenObjects } from "./seen-objects.js";
import { checkNumber, checkOptions } from "../options.js";
import type { OptionKinds } from "../options.js";
import { SecurityPolicy } from "../policy.js";
import { TypeRegistry } from "../registry.js";
import { standardTypes } from "../standard-types.js";
import { crossRealmKind } from "./cross-realm.js";
import { writeBoolean } from "../types/boolean.js";
import { writeDictionary } from "../types/dictionary.js";
import { requireHashable } from "../types/hashable.js";
import { writeList } from "../types/list.js";
import { writeNone } from "../types/none.js";
import { writeNumber } from "../types/number.js";
import { writeText } from "../types/text.js";

export interface JellierOptions {
  /** The types of the application. They take precedence over the standard types. */
  readonly registry?: TypeRegistry | undefined;
  /** Which Python names may be sent. Default: {@link SecurityPolicy.standard}, which allows none. */
  readonly policy?: SecurityPolicy | undefined;
  /**
   * The largest number of values inside values. Default 150, which a stock Twisted peer can read for values of every
   * type.
   */
  readonly depth?: number | undefined;
  /**
   * Called for each instance of a class that is not a standard type. When it returns an id, `(persistent id)` is sent
   * instead of the instance; when it returns undefined, the instance is sent.
   */
  readonly persistentStore?: ((instance: object) => Expression | undefined) | undefined;
}

const optionKinds: OptionKinds<JellierOptions> = {
  registry: TypeRegistry,
  policy: SecurityPolicy,
  depth: "any",
  persistentStore: "function",
};

/**
 * Writes graphs to one writer, one after the other. When an object occurs a second time, `[reference, id, …]` is
 * inserted around its first occurrence. Ids are assigned in the order of second occurrences, as in Twisted.
 */
export class Jellier implements JellyWriter {
  /** Where graphs are written. Set it between two graphs only. */
  writer: ExpressionWriter;
  readonly policy: SecurityPolicy;
  readonly #registry: TypeRegistry | undefined;
  readonly #persistentStore: ((instance: object) => Expression | undefined) | undefined;
  readonly #maxDepth: number;
  #context: unknown;
  #depth = 0;
  /** Where the objects begin that are being written, the outermost first: {@link #depth} of them. */
  readonly #open: number[] = [];
  /** Where the object of each reference begins, the first id first. */
  #starts: number[] = [];
  #cycles = 0;
  /** For each object of this graph: the position where it was written (>= 0), or the negative of its reference id. */
  readonly #seen = new SeenObjects();
  /** The tuples of this graph that are known to be hashable. */
  #hashable: Set<object> | undefined;

  constructor(writer: ExpressionWriter, options: JellierOptions = {}) {
    checkOptions(options, optionKinds);
    this.writer = writer;
    this.#registry = options.registry;
    this.policy = options.policy ?? SecurityPolicy.standard;
    this.#persistentStore = options.persistentStore;
    const { depth = WRITING_DEPTH } = options;
    checkNumber("The option depth", depth, { least: 1, isWhole: true });
    this.#maxDepth = depth;
  }

  /** How many references to an object inside itself were written, in all graphs. */
  get cycles(): number {
    return this.#cycles;
  }

  get context(): unknown {
    return this.#context;
  }

  /** Starts a new graph: forgets the objects and ids of the last one. `context` is passed on to handlers. */
  start(context?: unknown): this {
    this.#context = context;
    this.#depth = 0;
    if (this.#starts.length > 0) this.#starts = [];
    this.#seen.clear();
    this.#hashable = undefined;
    return this;
  }

  /**
   * Writes one whole graph. Throws {@link JellyError} for a value that cannot be sent. The writer then holds a part of
   * the graph: truncate it.
   */
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
        throw new JellyError("JELLY_NOT_JELLYABLE", refusal(value));
    }
  }

  #writeObject(value: object): void {
    const prototype = prototypeOf(value);
    if (prototype === Array.prototype) this.#writeArray(value as unknown[]);
    else if (prototype === null || (prototype === Object.prototype && !isAsyncIterable(value)))
      this.#writePlain(value as Record<string, unknown>);
    else this.#writeInstance(value);
  }

  #writeArray(value: unknown[]): void {
    if (this.#isRepeated(value)) return;
    this.#enter();
    writeList(value, this);
    this.#depth--;
  }

  #writePlain(value: Record<string, unknown>): void {
    if (this.#isRepeated(value)) return;
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
    if (handler === undefined) this.#writeCrossRealm(value);
    else if (handler.isScalar === true) this.#writeScalar(value, handler, registered !== undefined);
    else this.#writeNested(value, handler);
  }

  /** Handlers of a program may throw anything; those of standard types throw for proxies of their instances. */
  #writeScalar(value: object, handler: WritingHandler, isOfProgram: boolean): void {
    try {
      handler.jelly(value, this);
    } catch (error) {
      throw isOfProgram || error instanceof JellyError || error instanceof BananaError ? error : unreadable(error);
    }
  }

  #writeNested(value: object, handler: WritingHandler): void {
    if (handler.identity !== false) {
      if (this.#isRepeated(value)) return;
    }
    this.#enter();
    handler.jelly(value, this);
    this.#depth--;
  }

  #writePersistent(value: object, id: Expression): void {
    if (this.#isRepeated(value)) return;
    this.writer.list(2);
    this.writer.word("persistent");
    writeExpression(this.writer, id);
  }

  /**
   * Writes arrays, plain objects and bytes of another realm (a frame, a `vm` context) like those of this realm. Throws
   * for any other object.
   */
  #writeCrossRealm(value: object): void {
    const kind = readable(() => crossRealmKind(value));
    if (kind === "array") this.#writeArray(value as unknown[]);
    else if (kind === "object") this.#writePlain(value as Record<string, unknown>);
    else if (kind === "bytes") this.writer.bytes(Uint8Array.from(value as Uint8Array));
    else if (kind === "buffer") this.writer.bytes(new Uint8Array(value as ArrayBuffer));
    else this.#refuse(value);
  }

  #refuse(value: object): never {
    const text = readable(() => {
      const other = this.#registry?.otherCopy(value) ?? standardTypes.otherCopy(value);
      return other === undefined ? refusal(value) : `${describe(value)} cannot be sent: it was ${other}`;
    });
    throw new JellyError("JELLY_NOT_JELLYABLE", text);
  }

  requireDepth(levels: number): void {
    if (this.#depth + levels > this.#maxDepth)
      throw new JellyError("JELLY_TOO_DEEP", `Values are nested more than ${this.#maxDepth} deep`);
  }

  #enter(): void {
    this.requireDepth(1);
    this.#open[this.#depth++] = this.writer.position;
  }

  writeProperties(object: object): void {
    this.#enter();
    writeDictionary(object as Record<string, unknown>, this);
    this.#depth--;
  }

  requireHashable(value: unknown): void {
    if (typeof value !== "object" || value === null) return;
    try {
      requireHashable(value, (this.#hashable ??= new Set()));
    } catch (error) {
      throw error instanceof JellyError ? error : unreadable(error);
    }
  }

  /**
   * If this graph contains the object, writes a dereference and returns true. Otherwise records that it is written
   * here, and returns false.
   */
  #isRepeated(value: object): boolean {
    const seen = this.#seen.getOrAdd(value, this.writer.position);
    if (seen === undefined) return false;
    this.#dereference(value, seen);
    return true;
  }

  repeat(value: object): boolean {
    const seen = this.#seen.get(value);
    if (seen === undefined) return false;
    this.#dereference(value, seen);
    return true;
  }

  #dereference(value: object, seen: number): void {
    let id = -seen;
    if (seen >= 0) {
      id = this.#starts.push(seen);
      this.#seen.set(value, -id);
      this.writer.insert(seen, (writer) => {
        writer.list(3);
        writer.word("reference");
        writer.integer(id);
      });
    }
    if (this.#isOpen(this.#starts[id - 1]!)) this.#cycles++;
    this.writer.list(2);
    this.writer.word("dereference");
    this.writer.integer(id);
  }

  /** Whether the object that begins at `start` is still being written. */
  #isOpen(start: number): boolean {
    for (let level = this.#depth - 1; level >= 0; level--) if (this.#open[level] === start) return true;
    return false;
  }

  begin(value: object): void {
    this.#seen.getOrAdd(value, this.writer.position);
  }
}

/** As `readable`, without a closure for each object that is written. */
function prototypeOf(value: object): object | null {
  try {
    return Object.getPrototypeOf(value) as object | null;
  } catch (cause) {
    throw unreadable(cause);
  }
}

/** Whether a plain object is more than its properties: a registry may have a handler for it. */
function isAsyncIterable(value: object): boolean {
  try {
    return (value as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] !== undefined;
  } catch {
    return false; // A proxy: it is refused when its properties are read.
  }
}

/** The result of `read`, which looks at a value. A proxy may throw. */
function readable<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (cause) {
    throw unreadable(cause);
  }
}
