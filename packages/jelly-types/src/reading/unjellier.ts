// `Unjellier` reads s-expressions as values, directly from an `ExpressionReader` (wire specification 4.1, 4.5, 4.9).

import type { Expression, ExpressionReader, Float } from "@pb/banana";
import { BananaError, charge, defaultAllowance, defaultLimits, TreeReader } from "@pb/banana";
import type { HeapAllowance } from "@pb/banana";
import { READING_DEPTH } from "../limits.js";
import { fromBanana, InsecureJellyError, JellyError, printable } from "../errors.js";
import { completeExactness } from "../handler.js";
import { checkNumber, checkOptions } from "../options.js";
import type { OptionKinds } from "../options.js";
import type { Exactness, JellyReader, ReadingHandler } from "../handler.js";
import { Heap } from "./heap.js";
import { keyOfId } from "./hash-guard.js";
import { Placeholder, References } from "./references.js";
import type { Reference, ReferenceId } from "./references.js";
import { moduleOf, SecurityPolicy } from "../policy.js";
import { TypeRegistry } from "../registry.js";
import { SCALARS } from "./scalar-patterns.js";
import { standardTypes } from "../standard-types.js";
import { readBoolean } from "../types/boolean.js";
import { readDictionary } from "../types/dictionary.js";
import { requireHashable } from "../types/hashable.js";
import { readList } from "../types/list.js";
import { readNone } from "../types/none.js";
import { UNICODE } from "../types/text.js";
import { takeDropped } from "../types/instances/copy.js";
import { unknownCopy } from "../types/instances/unknown-copy.js";

/** The reader between two graphs. */
const noReader: ExpressionReader = new TreeReader([]);

/** The type byte and the digits of the longest text. */
const MOST_DIGITS = 4;

/** How many atoms have a cached handler. Programs use few, but a peer may send any number of different ones. */
const MAX_CACHED_ATOMS = 512;

/** Atoms of Perspective Broker itself, which are never names of classes. */
const RESERVED: ReadonlySet<string> = new Set(["remote", "local", "cached", "lcache", "copy", "cache"]);

export interface UnjellierOptions extends Partial<Exactness> {
  /** The types of the application. They take precedence over the standard types. */
  readonly registry?: TypeRegistry | undefined;
  /** Default: {@link SecurityPolicy.standard}. */
  readonly policy?: SecurityPolicy | undefined;
  /** The largest number of values inside values. Default 500. */
  readonly depth?: number | undefined;
  /**
   * What to do with an instance of a class that is neither registered nor allowed by the policy. `refuse`: throw {@link
   * InsecureJellyError}. `keep`: read it as an `UnknownCopy`. Default `refuse`.
   */
  readonly unknownCopies?: "refuse" | "keep" | undefined;
  /**
   * Called when entries of a received state were dropped, because the class has methods or accessors of these names.
   * `type` is the name of the class on the wire.
   */
  readonly onDropped?: ((type: string, names: readonly string[]) => void) | undefined;
  /**
   * The memory that graphs may take, in bytes of V8's heap. Each graph reduces it. Default: 256 MiB for each graph, the
   * default of `BananaLimits.heapBytes`.
   */
  readonly heap?: HeapAllowance | undefined;
  /** Returns the object for `(persistent id)`. Default: an `Unpersistable`. */
  readonly persistentLoad?: ((id: Expression) => unknown) | undefined;
}

const optionKinds: OptionKinds<UnjellierOptions> = {
  integers: "any",
  floats: "any",
  dicts: "any",
  registry: TypeRegistry,
  policy: SecurityPolicy,
  depth: "any",
  unknownCopies: ["refuse", "keep"],
  onDropped: "function",
  heap: "object",
  persistentLoad: "function",
};

/** A reader with the fast path. */
type FastReader = ExpressionReader & Required<Pick<ExpressionReader, "scalar">>;

function hasFastPath(reader: ExpressionReader): reader is FastReader {
  return reader.scalar !== undefined;
}

/** Reads graphs, one after the other. One instance may be used for all graphs of a connection. */
export class Unjellier implements JellyReader {
  readonly exactness: Exactness;
  readonly policy: SecurityPolicy;
  readonly persistentLoad: ((id: Expression) => unknown) | undefined;
  reader: ExpressionReader = noReader;
  context: unknown;
  /** The memory that the graph may still take. Set it before {@link readGraph}; by default, each graph has its own. */
  heap: HeapAllowance;
  /** The reader again, when it has a fast path for scalars and {@link exactness} allows its results. */
  #fastReader: FastReader | undefined;
  readonly #options: UnjellierOptions;
  readonly #registry: TypeRegistry | undefined;
  readonly #keepsUnknown: boolean;
  readonly #maxDepth: number;
  /** Whether the policy allows the two most common containers. */
  readonly #allowsLists: boolean;
  readonly #allowsDictionaries: boolean;
  readonly #allowsFastPath: boolean;
  #depth = 0;
  /** Cache of the handlers that registry and policy give for an atom. Cleared when a type is registered. */
  #handlers = new Map<string, ReadingHandler>();
  #seenVersion = -1;

  readonly #references = new References();
  /** The reference whose value is read next. */
  #nextReference: Reference | undefined;
  /** The reference under which {@link register} makes the container that is being read available. */
  #openReference: Reference | undefined;
  /** The tuples of this graph that are known to be hashable. */
  #hashable: Set<object> | undefined;
  /** Keys that were incomplete when they were read, and are checked again when the graph is complete. */
  #incompleteKeys: object[] = [];
  #afterwards: (() => void)[] = [];

  constructor(options: UnjellierOptions = {}) {
    checkOptions(options, optionKinds);
    const { registry, policy = SecurityPolicy.standard, depth = READING_DEPTH } = options;
    this.#options = options;
    this.#registry = registry;
    this.policy = policy;
    this.#keepsUnknown = options.unknownCopies === "keep";
    checkNumber("The option depth", depth, { least: 1, isWhole: true });
    this.#maxDepth = depth;
    this.#allowsLists = policy.allowsType("list");
    this.#allowsDictionaries = policy.allowsType("dictionary");
    this.persistentLoad = options.persistentLoad;
    const { integers, floats, dicts } = options;
    this.exactness = completeExactness({ integers, floats, dicts });
    this.heap = options.heap ?? defaultAllowance();
    this.#allowsFastPath = this.exactness.integers === "number" && this.exactness.floats === "number";
  }

  /**
   * Reads one whole graph. Throws {@link JellyError} for an s-expression that is not a value, {@link
   * InsecureJellyError} for a type that the policy refuses, and any error that a state hook throws. The position of the
   * reader is then undefined.
   */
  readGraph(reader: ExpressionReader, context?: unknown): unknown {
    // A hook may read another graph while this one is being read.
    if (this.reader !== noReader)
      return new Unjellier({ ...this.#options, heap: this.heap }).readGraph(reader, context);
    this.reader = reader;
    if (this.#allowsFastPath && hasFastPath(reader)) this.#fastReader = reader;
    this.context = context;
    this.#forgetHandlers();
    try {
      const value = this.read();
      this.#finish();
      return value;
    } catch (error) {
      throw error instanceof BananaError ? fromBanana(error) : error;
    } finally {
      this.#forgetGraph();
    }
  }

  #forgetHandlers(): void {
    const version = this.#registry?.version ?? 0;
    if (version === this.#seenVersion) return;
    this.#handlers = new Map();
    this.#seenVersion = version;
  }

  #forgetGraph(): void {
    this.reader = noReader;
    this.#fastReader = undefined;
    this.context = undefined;
    if (this.#options.heap === undefined) this.heap.left = defaultLimits.heapBytes;
    this.#depth = 0;
    this.#references.clear();
    this.#nextReference = undefined;
    this.#openReference = undefined;
    this.#hashable = undefined;
    if (this.#incompleteKeys.length > 0) this.#incompleteKeys = [];
    if (this.#afterwards.length > 0) this.#afterwards = [];
  }

  #finish(): void {
    this.#references.finish();
    if (this.#incompleteKeys.length > 0) this.#checkIncompleteKeys();
    for (const action of this.#afterwards) action();
  }

  #checkIncompleteKeys(): void {
    const checked = new Set<object>();
    for (const key of this.#incompleteKeys) requireHashable(key, checked);
  }

  read(): unknown {
    const fastReader = this.#fastReader;
    if (fastReader !== undefined) {
      const scalar = fastReader.scalar(SCALARS);
      if (scalar !== undefined) {
        if (typeof scalar === "string") charge(this.heap, Heap.TEXT + scalar.length);
        else if (typeof scalar === "number" && (scalar | 0) !== scalar) charge(this.heap, Heap.NUMBER);
        return scalar;
      }
    }
    const { reader } = this;
    if (reader.begins(UNICODE)) return this.readText();
    switch (reader.kind()) {
      case "list":
        return this.#readList(reader);
      case "bytes": {
        const bytes = reader.bytes();
        if (bytes.length > 0) this.charge(Heap.BYTES + bytes.length);
        return bytes;
      }
      case "integer":
        return this.#readInteger(reader);
      case "float":
        return this.#readFloat(reader);
    }
  }

  readText(): string {
    const { reader } = this;
    const { offset } = reader;
    const text = reader.text();
    // Text that is not ASCII usually takes two bytes for each character.
    const isAscii = reader.offset - offset <= text.length + MOST_DIGITS;
    this.charge(Heap.TEXT + (isAscii ? 1 : 2) * text.length);
    return text;
  }

  #readInteger(reader: ExpressionReader): number | bigint {
    const { offset } = reader;
    const value = reader.integer();
    if ((Number(value) | 0) === value && this.exactness.integers === "number") return value;
    this.charge(Heap.NUMBER + (reader.offset - offset)); // A digit has seven bits.
    return this.exactness.integers === "bigint" ? BigInt(value) : value;
  }

  #readFloat(reader: ExpressionReader): number | Float {
    this.charge(Heap.NUMBER);
    if (this.exactness.floats === "number") return reader.float();
    const value = reader.exactFloat();
    if (typeof value === "object") this.charge(Heap.INSTANCE - Heap.NUMBER);
    return value;
  }

  charge(bytes: number): void {
    charge(this.heap, bytes);
  }

  /** Reads the most common types directly, and all others with their handlers. */
  #readList(reader: ExpressionReader): unknown {
    const reference = this.#nextReference;
    this.#nextReference = undefined;
    const items = reader.list() - 1;
    if (items < 0) throw new JellyError("JELLY_MALFORMED", "An empty list is not a value");
    const atom = reader.word();
    switch (atom) {
      case "dictionary":
        if (!this.#allowsDictionaries) break;
        this.#openReference = reference;
        return this.#leave(readDictionary(this.#enter(), items));
      case "list":
        if (!this.#allowsLists) break;
        this.#openReference = reference;
        return this.#leave(readList(this.#enter(), items));
      case "boolean":
        return readBoolean(this, items);
      case "None":
        return readNone(this, items);
      case "reference":
        return this.#readReference(reader, items, reference !== undefined);
      case "dereference":
        return this.#readDereference(reader, items);
    }
    return this.#readOther(atom, items, reference);
  }

  #readOther(atom: string, items: number, reference: Reference | undefined): unknown {
    const handler = this.#handlerOf(atom);
    this.charge(Heap.INSTANCE);
    if (handler.isScalar === true) return handler.unjelly(this, items, atom);
    this.#openReference = reference;
    return this.#leave(handler.unjelly(this.#enter(), items, atom));
  }

  #enter(): this {
    if (this.#depth >= this.#maxDepth)
      throw new JellyError("JELLY_TOO_DEEP", `Values are nested more than ${this.#maxDepth} deep`);
    this.#depth++;
    return this;
  }

  #leave(value: unknown): unknown {
    this.#depth--;
    return value;
  }

  readAs(atom: string, items: number): unknown {
    return this.#handlerOf(atom).unjelly(this, items, atom);
  }

  #handlerOf(atom: string): ReadingHandler {
    let handler = this.#handlers.get(atom);
    if (handler === undefined) {
      handler = this.#registry?.reading(atom) ?? this.#standardHandler(atom);
      // The hash of digits can be chosen, see `HashGuard`.
      if (this.#handlers.size < MAX_CACHED_ATOMS && atom > ":") this.#handlers.set(atom, handler);
    }
    return handler;
  }

  #standardHandler(atom: string): ReadingHandler {
    const { policy } = this;
    const handler = standardTypes.reading(atom);
    if (handler !== undefined) {
      this.#allow(atom);
      return handler;
    }
    if (!/^[!-~]*$/.test(atom))
      throw new JellyError("JELLY_MALFORMED", "The name of a type must be printable ASCII without spaces");
    const isAllowed = atom.includes(".") ? policy.allowsClass(atom) : policy.allowsType(atom);
    if ((isAllowed || this.#keepsUnknown) && !RESERVED.has(atom)) return unknownCopy;
    const module = moduleOf(atom);
    const reason =
      atom.includes(".") && !policy.allowsModule(module)
        ? `The module ${printable(module)} is not allowed (in ${printable(atom)})`
        : `The type ${printable(atom)} is not allowed`;
    throw new InsecureJellyError(atom, `${reason}, and the type is not registered`);
  }

  #readReference(reader: ExpressionReader, items: number, isNested: boolean): unknown {
    this.#allow("reference");
    if (isNested) this.#enter();
    if (items < 2) throw new JellyError("JELLY_MALFORMED", "A reference needs an id and a value");
    const id = readId(reader);
    this.charge(Heap.REFERENCE + (typeof id === "string" ? id.length : 0));
    const reference = this.#references.open(id);
    this.#nextReference = reference;
    const value = this.read();
    this.#nextReference = undefined;
    this.skip(items - 2);
    if (isNested) this.#depth--;
    this.#references.close(reference, value);
    return value;
  }

  #readDereference(reader: ExpressionReader, items: number): unknown {
    this.#allow("dereference");
    if (items < 1) throw new JellyError("JELLY_MALFORMED", "A dereference needs an id");
    const value = this.#references.lookUp(readId(reader));
    this.charge(value instanceof Placeholder ? Heap.REFERENCE + Heap.LATER : 2 * Heap.SLOT);
    this.skip(items - 1);
    return value;
  }

  #allow(atom: string): void {
    if (!this.policy.allowsType(atom)) throw new InsecureJellyError(atom, `The type ${atom} is not allowed`);
  }

  register(container: object): void {
    const reference = this.#openReference;
    if (reference === undefined) return;
    this.#openReference = undefined;
    this.#references.setValue(reference, container);
  }

  registerBlank(instance: object): void {
    if (this.#openReference === undefined) return;
    this.#openReference.isBlank = true;
    this.register(instance);
  }

  readState(use: (state: unknown) => void): void {
    const start = this.#references.logLength;
    let state = this.read();
    if (this.#references.logLength === start) {
      use(state);
      return;
    }
    this.charge(Heap.LATER);
    if (state instanceof Placeholder) this.whenResolved(state, (resolved) => (state = resolved));
    this.#references.deferAction(start, () => use(state));
  }

  readMade(make: (state: unknown) => unknown): unknown {
    const start = this.#references.logLength;
    let state = this.read();
    if (this.#references.logLength === start) return make(state);
    this.charge(2 * Heap.LATER);
    if (state instanceof Placeholder) this.whenResolved(state, (resolved) => (state = resolved));
    return this.#references.deferValue(start, () => make(state));
  }

  skip(items: number): void {
    for (let left = items; left > 0; left--) this.reader.skip();
  }

  requireHashable(value: unknown): void {
    if (typeof value !== "object" || value === null) return;
    requireHashable(value, (this.#hashable ??= new Set()));
    if (this.#references.pending > 0) this.#incompleteKeys.push(value);
  }

  isPending(value: unknown): boolean {
    return this.#references.pending > 0 && value instanceof Placeholder;
  }

  whenResolved(placeholder: unknown, patch: (value: unknown) => void): void {
    (placeholder as Placeholder).patches.push(patch);
  }

  afterwards(action: () => void): void {
    this.charge(Heap.SLOT);
    this.#afterwards.push(action);
  }

  reportDropped(type: string, instance: object): void {
    const names = takeDropped(instance);
    if (names.length > 0) this.#options.onDropped?.(type, names);
  }
}

function readId(reader: ExpressionReader): ReferenceId {
  switch (reader.kind()) {
    case "integer":
      return keyOfId(reader.integer());
    case "bytes":
      return `"${reader.word()}`;
    default:
      throw new JellyError(
        "JELLY_MALFORMED",
        `A reference id must be an integer or a byte string, not ${aKind(reader)}`,
      );
  }
}

function aKind(reader: ExpressionReader): string {
  const kind = reader.kind();
  return kind === "integer" ? "an integer" : `a ${kind}`;
}
