// Finds the handler that reads the lists with an atom, as registry and policy decide.

import { InsecureJellyError, JellyError, printable } from "../errors.js";
import type { ReadingHandler } from "../handler.js";
import { moduleOf } from "../policy.js";
import type { SecurityPolicy } from "../policy.js";
import type { TypeRegistry } from "../registry.js";
import { standardTypes } from "../standard-types.js";
import { unpersistable } from "../types/instances/unpersistable.js";
import { unknownCopy } from "../types/instances/unknown-copy.js";

/** How many atoms have a cached handler. Programs use few, but a peer may send any number of different ones. */
const MAX_CACHED_ATOMS = 512;

/** Atoms of Perspective Broker itself, which are never names of classes. */
const RESERVED: ReadonlySet<string> = new Set(["remote", "local", "cached", "lcache", "copy", "cache"]);

export class ReadingHandlers {
  readonly #registry: TypeRegistry | undefined;
  readonly #policy: SecurityPolicy;
  readonly #keepsUnknown: boolean;
  /** Cache of the handlers. Cleared when a type is registered. */
  #cached = new Map<string, ReadingHandler>();
  #seenVersion = -1;

  constructor(registry: TypeRegistry | undefined, policy: SecurityPolicy, keepsUnknown: boolean) {
    this.#registry = registry;
    this.#policy = policy;
    this.#keepsUnknown = keepsUnknown;
  }

  /** Call before each graph: types may have been registered. */
  update(): void {
    const version = this.#registry?.version ?? 0;
    if (version === this.#seenVersion) return;
    this.#cached = new Map();
    this.#seenVersion = version;
  }

  /** Throws {@link InsecureJellyError} for a type that is not allowed. */
  get(atom: string): ReadingHandler {
    let handler = this.#cached.get(atom);
    if (handler === undefined) {
      handler = this.#registry?.reading(atom) ?? this.#standard(atom);
      // The hash of digits can be chosen, see `HashGuard`.
      if (this.#cached.size < MAX_CACHED_ATOMS && atom > ":") this.#cached.set(atom, handler);
    }
    return handler;
  }

  /** Throws {@link InsecureJellyError} when the policy does not allow a standard type. */
  allow(atom: string): void {
    if (!this.#policy.allowsType(atom)) throw new InsecureJellyError(atom, `The type ${atom} is not allowed`);
  }

  /** Whether a handler is one of this package, and not of the application. */
  isStandard(handler: ReadingHandler): boolean {
    return handler.atoms.length > 0 && standardTypes.reading(handler.atoms[0]!) === handler;
  }

  #standard(atom: string): ReadingHandler {
    const handler = standardTypes.reading(atom);
    if (handler !== undefined) {
      if (handler !== unpersistable) this.allow(atom); // Its refusal tells what the peer could not send.
      return handler;
    }
    const policy = this.#policy;
    if (!/^[!-~]*$/.test(atom))
      throw new JellyError("JELLY_MALFORMED", "The name of a type must be printable ASCII without spaces");
    const isAllowed = atom.includes(".") ? policy.allowsClass(atom) : policy.allowsType(atom);
    if ((isAllowed || this.#keepsUnknown) && !RESERVED.has(atom)) return unknownCopy;
    const module = moduleOf(atom);
    const reason =
      atom.includes(".") && !policy.allowsModule(module)
        ? `The module ${printable(module)} is not allowed (in ${printable(atom)})`
        : `The type ${printable(atom)} is not allowed`;
    throw new InsecureJellyError(atom, `${reason}, and no class is registered for it (registerCopy, remoteCache)`);
  }
}
