// Reads s-expressions as values, straight from a reader (wire specification 4.1, 4.5, 4.9).

import type { Expression, ExpressionReader } from "@pb/banana";
import { BananaError } from "@pb/banana";
import { READING_DEPTH } from "./depth.js";
import { fromBanana, InsecureJellyError, JellyError, shorten } from "./errors.js";
import { defaultExactness } from "./handler.js";
import type { Exactness, JellyReader, TypeHandler } from "./handler.js";
import { moduleOf, SecurityPolicy } from "./policy.js";
import type { TypeRegistry } from "./registry.js";
import { standardTypes } from "./standard.js";
import { requireHashable } from "./types/hashable.js";
import { unknownCopy } from "./types/unknown-copy.js";

/** Atoms are few; a peer may invent any number. */
const REMEMBERED_ATOMS = 512;

/** Words with a meaning in Perspective Broker, which therefore name no class. */
const RESERVED: ReadonlySet<string> = new Set(["remote", "local", "cached", "lcache", "copy", "cache"]);

export interface UnjellierOptions extends Partial<Exactness> {
  /** Types of the application, besides the standard ones. */
  readonly registry?: TypeRegistry | undefined;
  /** Default: {@link SecurityPolicy.standard}. */
  readonly policy?: SecurityPolicy | undefined;
  /** Values inside values. Default 500. */
  readonly depth?: number | undefined;
  /**
   * What to do with an instance of a class that is neither registered nor allowed by the policy. `refuse`: throw. `keep`: make an
   * `UnknownCopy`. Default `refuse`.
   */
  readonly unknownCopies?: "refuse" | "keep" | undefined;
  /** What to put where a peer sent `(persistent id)`. Default: an `Unpersistable`. */
  readonly persistentLoad?: ((id: Expression) => unknown) | undefined;
}

/** Stands for an object that is referred to before it arrives. */
class Placeholder {
  readonly patches: ((value: unknown) => void)[] = [];
  isResolved = false;
}

/** What is known about `[reference, id, …]`. */
class Reference {
  /** The object, or a placeholder for it that another reference has to fill. */
  value: unknown = undefined;
  isKnown = false;
  /** What was handed out before the object was known. */
  placeholder: Placeholder | undefined;
  is: "announced" | "open" | "complete" = "announced";
  /** Whether the object shows nothing of what is missing in it. */
  isBlank = false;
  /** Which part of the log was written while it was read. */
  logStart = 0;
  logEnd = 0;
  isChecked = false;
}

/** A reference id: Banana integers and byte strings, told apart. */
type ReferenceId = number | bigint | string;

/** Reads graphs, one after the other. */
export class Unjellier implements JellyReader {
  readonly exactness: Exactness;
  readonly policy: SecurityPolicy;
  readonly persistentLoad: ((id: Expression) => unknown) | undefined;
  readonly #options: UnjellierOptions;
  readonly #registry: TypeRegistry | undefined;
  readonly #keepsUnknown: boolean;
  readonly #maxDepth: number;
  #reader: ExpressionReader | undefined;
  #context: unknown;
  #depth = 0;
  /** Handlers this registry and policy gave for an atom, until something is registered. */
  #handlers = new Map<string, TypeHandler>();
  #seenVersion = -1;

  #references: Map<ReferenceId, Reference> | undefined;
  /** The reference whose contents are about to be read. */
  #nextReference: Reference | undefined;
  /** The reference under which the container just begun may be registered. */
  #openReference: Reference | undefined;
  /** Placeholders whose patches are being applied. */
  #resolved: { readonly placeholder: Placeholder; readonly value: unknown }[] = [];
  /** Placeholders that are not resolved. */
  #pending = 0;
  /** Whatever was handed out before it was complete, in order: tells for each state what is missing in it. */
  #log: (Placeholder | Reference)[] = [];
  /** Tuples that may be keys, and keys that are looked at again when they are complete. */
  readonly #hashable = new Set<object>();
  #lateKeys: object[] = [];
  /** States that have to wait, inner ones first. */
  #unsettled: (() => void)[] = [];
  #afterwards: (() => void)[] = [];

  constructor(options: UnjellierOptions = {}) {
    const { registry, policy = SecurityPolicy.standard, depth = READING_DEPTH } = options;
    this.#options = options;
    this.#registry = registry;
    this.policy = policy;
    this.#keepsUnknown = options.unknownCopies === "keep";
    this.#maxDepth = depth;
    this.persistentLoad = options.persistentLoad;
    this.exactness = {
      integers: options.integers ?? defaultExactness.integers,
      floats: options.floats ?? defaultExactness.floats,
      dicts: options.dicts ?? defaultExactness.dicts,
    };
  }

  get reader(): ExpressionReader {
    if (this.#reader === undefined) throw new TypeError("Nothing is being read");
    return this.#reader;
  }

  get context(): unknown {
    return this.#context;
  }

  get isIncomplete(): boolean {
    return this.#pending > 0;
  }

  /**
   * One whole graph. Throws {@link JellyError} for what is no value, {@link InsecureJellyError} for what the policy refuses, and whatever a
   * state hook throws; the reader then stands somewhere inside.
   */
  readGraph(reader: ExpressionReader, context?: unknown): unknown {
    // A hook of the graph being read may want to read another one.
    if (this.#reader !== undefined) return new Unjellier(this.#options).readGraph(reader, context);
    this.#reader = reader;
    this.#context = context;
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
    this.#reader = undefined;
    this.#context = undefined;
    this.#depth = 0;
    this.#references = undefined;
    this.#nextReference = undefined;
    this.#openReference = undefined;
    this.#pending = 0;
    if (this.#hashable.size > 0) this.#hashable.clear();
    if (this.#lateKeys.length > 0) this.#lateKeys = [];
    if (this.#resolved.length > 0) this.#resolved = [];
    if (this.#log.length > 0) this.#log = [];
    if (this.#unsettled.length > 0) this.#unsettled = [];
    if (this.#afterwards.length > 0) this.#afterwards = [];
  }

  #finish(): void {
    for (const settle of this.#unsettled) settle();
    if (this.#pending > 0) throw unresolved();
    if (this.#lateKeys.length > 0) this.#checkLateKeys();
    for (const action of this.#afterwards) action();
  }

  #checkLateKeys(): void {
    const known = new Set<object>();
    for (const key of this.#lateKeys) requireHashable(key, known);
  }

  read(): unknown {
    const reader = this.reader;
    switch (reader.kind()) {
      case "list":
        return this.#readList(reader);
      case "bytes":
        return reader.bytes();
      case "integer": {
        const value = reader.integer();
        return this.exactness.integers === "bigint" ? BigInt(value) : value;
      }
      case "float":
        return this.exactness.floats === "exact" ? reader.exactFloat() : reader.float();
    }
  }

  #readList(reader: ExpressionReader): unknown {
    const reference = this.#nextReference;
    this.#nextReference = undefined;
    const length = reader.list();
    if (length === 0) throw new JellyError("JELLY_MALFORMED", "An empty list is no value");
    if (reader.kind() !== "bytes")
      throw new JellyError("JELLY_MALFORMED", `A value begins with the name of its type, not with ${aKind(reader)}`);
    const atom = reader.word();
    if (atom === "reference") return this.#readReference(reader, length - 1, reference !== undefined);
    if (atom === "dereference") return this.#readDereference(reader, length - 1);
    const handler = this.#handlerOf(atom);
    if (handler.isScalar === true) return handler.unjelly(this, length - 1, atom);
    this.#openReference = reference;
    this.#enter();
    const value = handler.unjelly(this, length - 1, atom);
    this.#depth--;
    return value;
  }

  #enter(): void {
    if (this.#depth >= this.#maxDepth)
      throw new JellyError("JELLY_TOO_DEEP", `Values are nested more than ${this.#maxDepth} deep`);
    this.#depth++;
  }

  readAs(atom: string, items: number): unknown {
    return this.#handlerOf(atom).unjelly(this, items, atom);
  }

  #handlerOf(atom: string): TypeHandler {
    let handler = this.#handlers.get(atom);
    if (handler === undefined) {
      handler = this.#registry?.reading(atom) ?? this.#standardHandler(atom);
      if (this.#handlers.size < REMEMBERED_ATOMS) this.#handlers.set(atom, handler);
    }
    return handler;
  }

  #standardHandler(atom: string): TypeHandler {
    const { policy } = this;
    const handler = standardTypes.reading(atom);
    if (handler !== undefined) {
      this.#allow(atom);
      return handler;
    }
    if (!/^[!-~]*$/.test(atom)) throw new JellyError("JELLY_MALFORMED", "The name of a type is ASCII without blanks");
    const isAllowed = atom.includes(".") ? policy.allowsClass(atom) : policy.allowsType(atom);
    if ((isAllowed || this.#keepsUnknown) && !RESERVED.has(atom)) return unknownCopy;
    const module = moduleOf(atom);
    const reason =
      atom.includes(".") && !policy.allowsModule(module)
        ? `The module ${shorten(module)} is not allowed (in ${shorten(atom)})`
        : `The type ${shorten(atom)} is not allowed`;
    throw new InsecureJellyError(atom, `${reason}: nobody registered it`);
  }

  #readReference(reader: ExpressionReader, items: number, isNested: boolean): unknown {
    this.#allow("reference");
    if (isNested) this.#enter();
    if (items < 2) throw new JellyError("JELLY_MALFORMED", "A reference has an id and a value");
    const id = readId(reader);
    const reference = this.#referenceOf(id);
    if (reference.is !== "announced")
      throw new JellyError("JELLY_DUPLICATE_REFERENCE", `Two references have the id ${id}`);
    reference.is = "open";
    reference.logStart = this.#log.length;
    this.#nextReference = reference;
    const value = this.read();
    this.#nextReference = undefined;
    this.skip(items - 2);
    if (isNested) this.#depth--;
    reference.is = "complete";
    reference.logEnd = this.#log.length;
    this.#arrive(reference, value);
    return value;
  }

  #readDereference(reader: ExpressionReader, items: number): unknown {
    this.#allow("dereference");
    if (items < 1) throw new JellyError("JELLY_MALFORMED", "A dereference has an id");
    const reference = this.#referenceOf(readId(reader));
    this.skip(items - 1);
    const value = reference.isKnown ? reference.value : (reference.placeholder ??= this.#placeholder());
    if (value instanceof Placeholder) this.#log.push(value);
    else if (reference.is === "open" || reference.logEnd > reference.logStart) this.#log.push(reference);
    return value;
  }

  #referenceOf(id: ReferenceId): Reference {
    const references = (this.#references ??= new Map<ReferenceId, Reference>());
    let reference = references.get(id);
    if (reference === undefined) references.set(id, (reference = new Reference()));
    return reference;
  }

  #placeholder(): Placeholder {
    this.#pending++;
    return new Placeholder();
  }

  #arrive(reference: Reference, value: unknown): void {
    reference.value = value;
    reference.isKnown = true;
    if (value instanceof Placeholder) this.whenResolved(value, (resolved) => this.#arrive(reference, resolved));
    else if (reference.placeholder !== undefined) this.#resolve(reference.placeholder, value);
  }

  /** Patches may resolve further placeholders: in turn, not one inside the other. */
  #resolve(placeholder: Placeholder, value: unknown): void {
    if (placeholder.isResolved) return;
    placeholder.isResolved = true;
    this.#pending--;
    this.#resolved.push({ placeholder, value });
    if (this.#resolved.length > 1) return;
    for (const next of this.#resolved) {
      for (const patch of next.placeholder.patches) patch(next.value);
    }
    this.#resolved = [];
  }

  #allow(atom: string): void {
    if (!this.policy.allowsType(atom)) throw new InsecureJellyError(atom, `The type ${atom} is not allowed`);
  }

  register(container: object): void {
    const reference = this.#openReference;
    if (reference === undefined) return;
    this.#openReference = undefined;
    this.#arrive(reference, container);
  }

  registerBlank(instance: object): void {
    if (this.#openReference === undefined) return;
    this.#openReference.isBlank = true;
    this.register(instance);
  }

  readState(use: (state: unknown) => void): void {
    const start = this.#log.length;
    let state = this.read();
    const end = this.#log.length;
    if (end === start) {
      use(state);
      return;
    }
    if (state instanceof Placeholder) this.whenResolved(state, (resolved) => (state = resolved));
    this.#unsettled.push(() => {
      this.#requireComplete(start, end);
      use(state);
    });
  }

  readMade(make: (state: unknown) => unknown): unknown {
    const start = this.#log.length;
    let state = this.read();
    const end = this.#log.length;
    if (end === start) return make(state);
    if (state instanceof Placeholder) this.whenResolved(state, (resolved) => (state = resolved));
    const placeholder = this.#placeholder();
    this.#log.push(placeholder);
    this.#unsettled.push(() => {
      this.#requireComplete(start, end);
      this.#resolve(placeholder, make(state));
    });
    return placeholder;
  }

  /** Throws when something handed out in this part of the log is still missing, there or in what was complete but for it. */
  #requireComplete(start: number, end: number): void {
    if (this.#pending === 0) return;
    const parts = [start, end];
    while (parts.length > 0) {
      const stop = parts.pop()!;
      for (let index = parts.pop()!; index < stop; index++) {
        const entry = this.#log[index]!;
        if (entry instanceof Placeholder) {
          if (!entry.isResolved) throw unresolved();
        } else if (!entry.isBlank && !entry.isChecked) {
          entry.isChecked = true;
          parts.push(entry.logStart, entry.logEnd);
        }
      }
    }
  }

  skip(items: number): void {
    for (let left = items; left > 0; left--) this.reader.skip();
  }

  requireHashable(value: unknown): void {
    if (typeof value !== "object" || value === null) return;
    requireHashable(value, this.#hashable);
    if (this.#pending > 0) this.#lateKeys.push(value);
  }

  isPending(value: unknown): boolean {
    return this.#pending > 0 && value instanceof Placeholder;
  }

  whenResolved(placeholder: unknown, patch: (value: unknown) => void): void {
    (placeholder as Placeholder).patches.push(patch);
  }

  afterwards(action: () => void): void {
    this.#afterwards.push(action);
  }
}

function unresolved(): JellyError {
  return new JellyError(
    "JELLY_UNRESOLVED_REFERENCE",
    "A dereference refers to nothing in this value, or to something that a factory makes of it",
  );
}

function readId(reader: ExpressionReader): ReferenceId {
  switch (reader.kind()) {
    case "integer":
      return reader.integer();
    case "bytes":
      return reader.word();
    default:
      throw new JellyError("JELLY_MALFORMED", `A reference id is an integer or a byte string, not ${aKind(reader)}`);
  }
}

function aKind(reader: ExpressionReader): string {
  const kind = reader.kind();
  return kind === "integer" ? "an integer" : `a ${kind}`;
}
