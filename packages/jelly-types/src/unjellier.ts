// Reads s-expressions as values, straight from a reader (wire specification 4.1, 4.5, 4.9).

import type { ExpressionReader } from "@pb/banana";
import { BananaError } from "@pb/banana";
import { fromBanana, InsecureJellyError, JellyError } from "./errors.js";
import { defaultExactness } from "./handler.js";
import type { Exactness, JellyReader, TypeHandler } from "./handler.js";
import { DEFAULT_DEPTH } from "./jellier.js";
import { SecurityPolicy } from "./policy.js";
import type { TypeRegistry } from "./registry.js";
import { standardTypes } from "./standard.js";

export interface UnjellierOptions extends Partial<Exactness> {
  /** Types of the application, besides the standard ones. */
  readonly registry?: TypeRegistry | undefined;
  /** Default: {@link SecurityPolicy.standard}. */
  readonly policy?: SecurityPolicy | undefined;
  /** Values inside values. Default 500. */
  readonly depth?: number | undefined;
}

/** Stands for an object that is referred to before it arrives. */
class Placeholder {
  readonly patches: ((value: unknown) => void)[] = [];
}

/** A reference id: Banana integers and byte strings, told apart. */
type ReferenceId = number | bigint | string;

/** Reads graphs, one after the other. */
export class Unjellier implements JellyReader {
  readonly exactness: Exactness;
  readonly #registry: TypeRegistry | undefined;
  readonly #policy: SecurityPolicy;
  readonly #maxDepth: number;
  #reader: ExpressionReader | undefined;
  #context: unknown;
  #depth = 0;
  /** Handlers this registry and policy gave for an atom, until something is registered. */
  #handlers = new Map<string, TypeHandler>();
  #seenVersion = -1;

  #references: Map<ReferenceId, unknown> | undefined;
  #pending = 0;
  /** The id of the reference whose contents are about to be read. */
  #nextId: ReferenceId | undefined;
  /** The id under which the container just begun may be registered. */
  #openId: ReferenceId | undefined;
  #afterwards: (() => void)[] = [];

  constructor(options: UnjellierOptions = {}) {
    const { registry, policy = SecurityPolicy.standard, depth = DEFAULT_DEPTH } = options;
    this.#registry = registry;
    this.#policy = policy;
    this.#maxDepth = depth;
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
    this.#start(reader, context);
    try {
      const value = this.read();
      this.#finish();
      return value;
    } catch (error) {
      throw error instanceof BananaError ? fromBanana(error) : error;
    }
  }

  #start(reader: ExpressionReader, context: unknown): void {
    this.#reader = reader;
    this.#context = context;
    this.#depth = 0;
    this.#references = undefined;
    this.#pending = 0;
    this.#nextId = undefined;
    this.#openId = undefined;
    if (this.#afterwards.length > 0) this.#afterwards = [];
    const version = this.#registry?.version ?? 0;
    if (version !== this.#seenVersion) {
      this.#handlers = new Map();
      this.#seenVersion = version;
    }
  }

  #finish(): void {
    if (this.#pending > 0)
      throw new JellyError("JELLY_UNRESOLVED_REFERENCE", "A dereference refers to nothing in this value");
    const actions = this.#afterwards;
    if (actions.length === 0) return;
    this.#afterwards = [];
    for (const action of actions) action();
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
    this.#openId = this.#nextId;
    this.#nextId = undefined;
    const length = reader.list();
    if (length === 0) throw new JellyError("JELLY_MALFORMED", "An empty list is no value");
    if (reader.kind() !== "bytes")
      throw new JellyError("JELLY_MALFORMED", `A value begins with the name of its type, not with ${aKind(reader)}`);
    if (this.#depth >= this.#maxDepth)
      throw new JellyError("JELLY_TOO_DEEP", `Values are nested more than ${this.#maxDepth} deep`);
    this.#depth++;
    const atom = reader.word();
    let value: unknown;
    if (atom === "reference") value = this.#readReference(reader, length - 1);
    else if (atom === "dereference") value = this.#readDereference(reader, length - 1);
    else value = (this.#handlers.get(atom) ?? this.#find(atom)).unjelly(this, length - 1, atom);
    this.#depth--;
    return value;
  }

  #find(atom: string): TypeHandler {
    const registered = this.#registry?.reading(atom);
    const handler = registered ?? standardTypes.reading(atom);
    if (handler === undefined || (registered === undefined && !this.#policy.allowsType(atom))) {
      throw new InsecureJellyError(atom, `The type ${atom} is not allowed: nobody registered it`);
    }
    this.#handlers.set(atom, handler);
    return handler;
  }

  #readReference(reader: ExpressionReader, items: number): unknown {
    this.#allow("reference");
    if (items < 2) throw new JellyError("JELLY_MALFORMED", "A reference has an id and a value");
    const id = readId(reader);
    const references = (this.#references ??= new Map<ReferenceId, unknown>());
    const waiting = references.get(id);
    if (waiting !== undefined && !(waiting instanceof Placeholder)) {
      throw new JellyError("JELLY_DUPLICATE_REFERENCE", `Two references have the id ${id}`);
    }
    this.#nextId = waiting === undefined ? id : undefined;
    const value = this.read();
    this.#nextId = undefined;
    this.skip(items - 2);
    const known = references.get(id);
    if (known instanceof Placeholder) this.#resolve(known, value);
    else if (known !== undefined && known !== value)
      throw new JellyError("JELLY_DUPLICATE_REFERENCE", `Two references have the id ${id}`);
    references.set(id, value);
    return value;
  }

  #readDereference(reader: ExpressionReader, items: number): unknown {
    this.#allow("dereference");
    if (items < 1) throw new JellyError("JELLY_MALFORMED", "A dereference has an id");
    const id = readId(reader);
    this.skip(items - 1);
    const references = (this.#references ??= new Map<ReferenceId, unknown>());
    if (references.has(id)) return references.get(id);
    const placeholder = new Placeholder();
    references.set(id, placeholder);
    this.#pending++;
    return placeholder;
  }

  #resolve(placeholder: Placeholder, value: unknown): void {
    if (value instanceof Placeholder) throw new JellyError("JELLY_MALFORMED", "A reference to a reference");
    this.#pending--;
    for (const patch of placeholder.patches) patch(value);
  }

  #allow(atom: string): void {
    if (!this.#policy.allowsType(atom)) throw new InsecureJellyError(atom, `The type ${atom} is not allowed`);
  }

  register(container: object): void {
    if (this.#openId === undefined) return;
    this.#references?.set(this.#openId, container);
    this.#openId = undefined;
  }

  skip(items: number): void {
    for (let left = items; left > 0; left--) this.reader.skip();
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
