// The draft of one list or dict.

import { LiveError } from "../../errors.js";
import { extents } from "../extents.js";
import { plainOf } from "../wide-dict.js";

/** The drafts of one run of a recipe. */
export class Session {
  /** Whether wide dicts of the result are `WideDict`s. */
  readonly isLazy: boolean;
  readonly create: (value: object, parent: ContainerDraft | undefined, session: Session) => ContainerDraft;
  /** The objects of the recipe in which drafts were replaced, and copies that were made of frozen ones. */
  readonly replaced: Map<object, object> = new Map<object, object>();
  isOver = false;

  constructor(isLazy: boolean, create: Session["create"]) {
    this.isLazy = isLazy;
    this.create = create;
  }
}

/** By the proxies that recipes get. */
export const drafts: WeakMap<object, ContainerDraft> = new WeakMap<object, ContainerDraft>();

const INSPECT = Symbol.for("nodejs.util.inspect.custom");

/** Makes Node.js show what a draft contains: `console.log` looks at the target of its proxy. */
export function showContents<Target extends object>(target: Target): Target {
  (target as Record<symbol, unknown>)[INSPECT] = inspectDraft;
  return target;
}

/** Called for the proxy. */
function inspectDraft(this: object): unknown {
  return snapshotOf(this);
}

/** What a draft has in common with others. */
export abstract class ContainerDraft {
  static {
    showContents(this.prototype);
  }

  /** Set by {@link Session.create}. */
  proxy!: object;
  readonly session: Session;
  /** A list or dict of the state, or a frozen one of the recipe. */
  readonly original: object;
  readonly #parent: ContainerDraft | undefined;
  #isModified = false;
  #result: object | undefined;
  #isComplete = true;

  constructor(original: object, parent: ContainerDraft | undefined, session: Session) {
    this.original = original;
    this.#parent = parent;
    this.session = session;
  }

  get isModified(): boolean {
    return this.#isModified;
  }

  /** The value of an entry, or `ABSENT`. It may be a draft. */
  abstract read(key: PropertyKey): unknown;
  /** Sets an entry. */
  abstract write(key: PropertyKey, value: unknown): void;
  /** Removes an entry that it has. */
  abstract remove(key: PropertyKey): void;
  abstract keys(): PropertyKey[];
  /** Creates the list or dict that replaces the original, calls `begin` with it, and then sets its entries. */
  protected abstract make(begin: (result: object) => void): void;

  /** The value of an entry as recipes get it: a draft of a frozen list or dict. */
  get(key: PropertyKey): unknown {
    const value = this.read(key);
    const wrapped = this.wrap(value);
    if (wrapped !== value) this.write(key, wrapped);
    return wrapped;
  }

  /** A value as recipes get it. */
  wrap(value: unknown): unknown {
    if (typeof value !== "object" || value === null) return value;
    const isFixed = extents.has(value) || (Object.isFrozen(value) && isListOrDict(value));
    return isFixed ? this.session.create(value, this, this.session).proxy : value;
  }

  /** Notes that it was changed, and so are all lists and dicts around it. */
  modify(): void {
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- the first of several
    let draft: ContainerDraft | undefined = this;
    for (; draft !== undefined && !draft.#isModified; draft = draft.#parent) draft.#isModified = true;
  }

  /**
   * The original if it was not changed, else the list or dict that replaces it. Called again while that is being made,
   * because it contains itself, it returns the same object, some of whose entries are not set yet.
   */
  finish(): object {
    if (!this.#isModified) return this.original;
    if (this.#result === undefined) {
      this.#isComplete = false;
      this.make((result) => (this.#result = result));
      this.#isComplete = true;
    }
    return this.#result!;
  }

  /** As {@link finish}. Throws {@link LiveError} if it contains itself. */
  finishComplete(): object {
    const result = this.finish();
    if (!this.#isComplete) throw new LiveError("LIVE_TOO_DEEP", "The state contains an object that contains itself");
    return result;
  }
}

/** What a draft, or an object that contains drafts, is now, in lists and dicts that do not change with it. */
export function snapshotOf(value: unknown, seen: Map<object, object> = new Map<object, object>()): unknown {
  if (typeof value !== "object" || value === null) return value;
  const draft = drafts.get(value);
  if (draft?.isModified === false) return snapshotOf(draft.original, seen);
  if (extents.has(value)) return plainOf(value);
  if (!isListOrDict(value)) return value;
  let copy = seen.get(value) as Record<PropertyKey, unknown> | undefined;
  if (copy !== undefined) return copy;
  copy = (Array.isArray(value) ? [] : {}) as Record<PropertyKey, unknown>;
  seen.set(value, copy);
  for (const key of draft?.keys() ?? Reflect.ownKeys(value)) {
    const entry = draft === undefined ? (value as typeof copy)[key] : draft.read(key);
    copy[key] = snapshotOf(entry, seen);
  }
  return copy;
}

export function isListOrDict(value: object): boolean {
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Returns a draft, if its recipe has not ended. */
export function requireActive<D extends ContainerDraft>(draft: D): D {
  if (draft.session.isOver) throw new TypeError("A draft was used after its recipe has ended");
  return draft;
}
