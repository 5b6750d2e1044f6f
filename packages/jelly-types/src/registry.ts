// `TypeRegistry` finds the handler that writes an object or reads an atom. It is passed to connections and never
// global.

import { madeBy, otherCopy, requireOwnCopy } from "@pb/banana";
import type { PackageCopy } from "@pb/banana";
import type { Class, ReadingHandler, TypeHandler, WritingHandler } from "./handler.js";
import type { CopyOptions, PlainState } from "./types/instances/copy.js";
import { copyType } from "./types/instances/copy.js";
import { thisCopy } from "./this-copy.js";

/** Atoms that jelly itself uses to share objects. */
const RESERVED: ReadonlySet<string> = new Set(["reference", "dereference"]);

/**
 * The types of an application and their handlers. The standard types do not have to be registered. A registry may
 * extend a parent: types that are registered in the parent later are known here at once.
 */
export class TypeRegistry {
  readonly #parent: TypeRegistry | undefined;
  readonly #byAtom = new Map<string, ReadingHandler>();
  readonly #byClass = new Map<object, WritingHandler>();
  /** Cache of {@link writing}, per prototype; null where no handler was found. Cleared by each registration. */
  #byPrototype = new WeakMap<object, WritingHandler | null>();
  readonly #forms = new Set<string>();
  #isSealed = false;
  #changes = 0;
  #seenVersion = 0;

  constructor(parent?: TypeRegistry) {
    requireOwnCopy(parent, TypeRegistry);
    this.#parent = parent;
  }

  /** Increases with every registration here or in a parent. */
  get version(): number {
    return this.#changes + (this.#parent?.version ?? 0);
  }

  /**
   * Adds a handler, which takes precedence over handlers of the parent. Throws `TypeError` when this registry has one
   * of the atoms or classes already, when there are atoms but no `unjelly`, when there are classes but no `jelly`, and
   * when the registry is sealed.
   */
  register<T>(handler: TypeHandler<T>): this {
    if (this.#isSealed) throw new TypeError("This registry is sealed: create one that extends it");
    if (!Array.isArray((handler as Partial<TypeHandler<T>> | undefined)?.atoms))
      throw new TypeError("Not a handler of a type: register takes one, and registerCopy a name and a class");
    const { atoms, classes } = handler;
    for (const atom of atoms) {
      if (RESERVED.has(atom)) throw new TypeError(`The atom ${atom} is reserved by jelly`);
      if (this.#byAtom.has(atom)) throw new TypeError(`The type ${atom} is registered already`);
    }
    for (const type of classes) {
      const known = this.#byClass.get(prototypeOf(type));
      if (known === undefined) continue;
      const advice = known.atoms.length > 0 ? `, as ${known.atoms[0]!}: give its other names as aliases` : "";
      throw new TypeError(`The class ${type.name} is registered already${advice}`);
    }
    if (!canRead(handler) && atoms.length > 0)
      throw new TypeError(`The handler of the atom ${atoms[0]!} has no unjelly method`);
    if (!canWrite(handler) && classes.length > 0)
      throw new TypeError(`The handler of the class ${classes[0]!.name} has no jelly method`);
    if (canRead(handler)) for (const atom of atoms) this.#byAtom.set(atom, handler);
    if (canWrite(handler)) for (const type of classes) this.#byClass.set(prototypeOf(type), handler);
    if (handler.form !== undefined) this.#forms.add(handler.form);
    this.#changes++;
    return this;
  }

  /** The forms of data that the handlers read in addition, here and in the parents. */
  get forms(): readonly string[] {
    return this.#parent === undefined ? [...this.#forms] : [...new Set([...this.#parent.forms, ...this.#forms])];
  }

  /**
   * Sends and receives instances of a class by copy, under a name that both peers use: `module.Class` of a Python peer,
   * or any other name. The type of the state is inferred from `getState`.
   */
  registerCopy<T extends object, State = PlainState>(
    name: string,
    type: Class<T>,
    options: CopyOptions<T, State> = {},
  ): this {
    return this.register(copyType(name, type, options));
  }

  /**
   * Calls {@link registerCopy} for `base` and for each class in `module` that extends it, under `prefix.Name`
   * (Twisted's `setUnjellyableForClassTree`). `module` is a namespace object, such as that of `import * as shapes from
   * "./shapes.js"`.
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

  /** Makes further registrations throw. */
  seal(): this {
    this.#isSealed = true;
    return this;
  }

  /** The handler that reads this atom, or undefined. */
  reading(atom: string): ReadingHandler | undefined {
    return this.#byAtom.get(atom) ?? this.#parent?.reading(atom);
  }

  /** The handler that writes this object, or undefined. */
  writing(value: object): WritingHandler | undefined {
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

  /** @internal Why no handler accepts an object: another copy of a package that has handlers here created it. */
  otherCopy(value: object): string | undefined {
    const others = [...this.#byClass.keys()].map((prototype) => otherCopy(value, { prototype }));
    return others.find((other) => other !== undefined) ?? this.#parent?.otherCopy(value);
  }

  #search(prototype: object): WritingHandler | undefined {
    const exact = this.#ofClass(prototype);
    if (exact !== undefined) return exact;
    for (let next = parentOf(prototype); next !== null; next = parentOf(next)) {
      const handler = this.#ofClass(next);
      if (handler?.subclasses === true) return handler;
    }
    return undefined;
  }

  #ofClass(prototype: object): WritingHandler | undefined {
    const own = this.#byClass.get(prototype);
    return own === undefined && this.#parent !== undefined ? this.#parent.#ofClass(prototype) : own;
  }

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}

function canRead<T>(handler: TypeHandler<T>): handler is ReadingHandler<T> {
  return handler.unjelly !== undefined;
}

function canWrite<T>(handler: TypeHandler<T>): handler is WritingHandler<T> {
  return handler.jelly !== undefined;
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
