// Which handler writes an object and which reads an atom: a value, given to connections, never global.

import type { Class, TypeHandler } from "./handler.js";
import type { CopyOptions, PlainState } from "./types/instances/copy.js";
import { copyType } from "./types/instances/copy.js";

/** What makes a graph of values. */
const RESERVED: ReadonlySet<string> = new Set(["reference", "dereference"]);

/**
 * Types of an application and how they travel; the standard types need no registering. Extends a parent, which it sees live: a type registered
 * there later is known here at once.
 */
export class TypeRegistry {
  readonly #parent: TypeRegistry | undefined;
  readonly #byAtom = new Map<string, TypeHandler>();
  readonly #byClass = new Map<object, TypeHandler>();
  /** What prototype chains led to, null where to nothing, until something is registered. */
  #byPrototype = new WeakMap<object, TypeHandler | null>();
  #isSealed = false;
  #changes = 0;
  #seenVersion = 0;

  constructor(parent?: TypeRegistry) {
    this.#parent = parent;
  }

  /** Grows with every registration here or in a parent. */
  get version(): number {
    return this.#changes + (this.#parent?.version ?? 0);
  }

  /** Adds a handler; in front of what the parent has. Throws `TypeError` when this registry itself has one of its atoms or classes already. */
  register<T>(handler: TypeHandler<T>): this {
    if (this.#isSealed) throw new TypeError("This registry is sealed: extend it");
    for (const atom of handler.atoms) {
      if (RESERVED.has(atom)) throw new TypeError(`${atom} is a part of jelly, not a type`);
      if (this.#byAtom.has(atom)) throw new TypeError(`The type ${atom} is registered already`);
    }
    for (const type of handler.classes) {
      if (this.#byClass.has(prototypeOf(type))) throw new TypeError(`The class ${type.name} is registered already`);
    }
    for (const atom of handler.atoms) this.#byAtom.set(atom, handler);
    for (const type of handler.classes) this.#byClass.set(prototypeOf(type), handler);
    this.#changes++;
    return this;
  }

  /**
   * Lets instances of a class travel by copy, under a name both ends agree on: `module.Class` of a Python peer, or any other. The type of
   * the state follows from `getState`.
   */
  registerCopy<T extends object, State = PlainState>(
    name: string,
    type: Class<T>,
    options: CopyOptions<T, State> = {},
  ): this {
    return this.register(copyType(name, type, options));
  }

  /**
   * {@link registerCopy} for a class tree: `base` and each class in `module` that extends it, as `prefix.Name` (Twisted's
   * `setUnjellyableForClassTree`). `import * as shapes from "./shapes.js"` gives such a module.
   */
  registerCopyTree<T extends object, State = PlainState>(
    prefix: string,
    module: Readonly<Record<string, unknown>>,
    base: Class<T>,
    options: CopyOptions<T, State> = {},
  ): this {
    for (const [name, type] of Object.entries(module)) {
      if (isClassOf(base, type)) this.registerCopy(`${prefix}.${name}`, type, options);
    }
    return this;
  }

  /** Refuses every further registration. */
  seal(): this {
    this.#isSealed = true;
    return this;
  }

  /** The handler that reads this atom, or undefined. */
  reading(atom: string): TypeHandler | undefined {
    return this.#byAtom.get(atom) ?? this.#parent?.reading(atom);
  }

  /** The handler that writes this object, or undefined. */
  writing(value: object): TypeHandler | undefined {
    const prototype = Object.getPrototypeOf(value) as object | null;
    if (prototype === null) return undefined;
    if (this.#seenVersion !== this.version) {
      this.#byPrototype = new WeakMap();
      this.#seenVersion = this.version;
    }
    const known = this.#byPrototype.get(prototype);
    if (known !== undefined) return known ?? undefined;
    const found = this.#search(prototype);
    this.#byPrototype.set(prototype, found ?? null);
    return found;
  }

  #search(prototype: object): TypeHandler | undefined {
    const exact = this.#ofClass(prototype);
    if (exact !== undefined) return exact;
    for (let next = parentOf(prototype); next !== null; next = parentOf(next)) {
      const handler = this.#ofClass(next);
      if (handler?.subclasses === true) return handler;
    }
    return undefined;
  }

  #ofClass(prototype: object): TypeHandler | undefined {
    const own = this.#byClass.get(prototype);
    return own === undefined && this.#parent !== undefined ? this.#parent.#ofClass(prototype) : own;
  }
}

function isClassOf<T>(base: Class<T>, type: unknown): type is Class<T> {
  return typeof type === "function" && (type === base || Object.prototype.isPrototypeOf.call(base, type));
}

function prototypeOf(type: Class): object {
  return type.prototype as object;
}

function parentOf(prototype: object): object | null {
  return Object.getPrototypeOf(prototype) as object | null;
}
