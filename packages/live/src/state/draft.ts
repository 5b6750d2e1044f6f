// Drafts: what a recipe changes in place of a frozen state.

import { LiveError } from "../errors.js";
import { isWide } from "./changes.js";
import { copyOf } from "./copy.js";
import { extents } from "./extents.js";
import { FORBIDDEN_KEY } from "./limits.js";
import { ABSENT, plainOf, WideDict } from "./wide-dict.js";

type Dict = Record<string, unknown>;

/** The draft of a state: the same type without `readonly`, at all depths. A recipe changes it. */
export type Draft<T> = T extends (...args: never[]) => unknown
  ? T
  : T extends object
    ? { -readonly [Key in keyof T]: Draft<T[Key]> }
    : T;

/** The drafts of one run of a recipe. */
class Session {
  /** Whether wide dicts of the result are {@link WideDict}s. */
  readonly isLazy: boolean;
  isOver = false;

  constructor(isLazy: boolean) {
    this.isLazy = isLazy;
  }
}

/** By the proxies that recipes get. */
const drafts = new WeakMap<object, ContainerDraft>();

/**
 * Begins a draft of a state, which is frozen. `finish` returns what the recipe has made: the same object if it has
 * changed nothing, and the same objects for what it has not changed. If `isLazy`, wide dicts that it has changed are
 * `WideDict`s. After `end`, the draft throws `TypeError` when it is used.
 */
export function draftOf<State extends object>(
  state: State,
  isLazy: boolean,
): { readonly draft: Draft<State>; finish(): unknown; end(): void } {
  const session = new Session(isLazy);
  const root = create(state, undefined, session);
  return {
    draft: root.proxy as Draft<State>,
    finish: () => root.finish(),
    end: () => void (session.isOver = true),
  };
}

function create(value: object, parent: ContainerDraft | undefined, session: Session): ContainerDraft {
  if (Array.isArray(value)) return new ListDraft(value, parent, session);
  if (session.isLazy && (WideDict.known(value) !== undefined || isWide(value)))
    return new WideDraft(value, parent, session);
  return new DictDraft(value as Dict, parent, session);
}

/** The draft of one list or dict. */
abstract class ContainerDraft {
  readonly proxy: object;
  readonly session: Session;
  readonly #original: object;
  readonly #parent: ContainerDraft | undefined;
  #isModified = false;
  #result: object | undefined;
  #isComplete = true;

  constructor(original: object, parent: ContainerDraft | undefined, session: Session) {
    this.#original = original;
    this.#parent = parent;
    this.session = session;
    // `Array.isArray` looks at the target.
    this.proxy = new Proxy<Target>(Array.isArray(original) ? [this] : this, handler);
    drafts.set(this.proxy, this);
  }

  /** The value of an entry, or {@link ABSENT}. It may be a draft. */
  abstract read(key: PropertyKey): unknown;
  /** Sets an entry. */
  abstract write(key: PropertyKey, value: unknown): void;
  /** Removes an entry that it has. */
  abstract remove(key: PropertyKey): void;
  abstract keys(): PropertyKey[];
  /** Calls `begin` with what it becomes, and then completes that. */
  protected abstract make(begin: (result: object) => void): void;

  /** The value of an entry as recipes get it: a draft of a list or dict of the state. */
  get(key: PropertyKey): unknown {
    const value = this.read(key);
    const wrapped = this.wrap(value);
    if (wrapped !== value) this.write(key, wrapped);
    return wrapped;
  }

  /** A value as recipes get it. */
  wrap(value: unknown): unknown {
    if (typeof value !== "object" || value === null || !isOfState(value)) return value;
    return create(value, this, this.session).proxy;
  }

  /** Notes that it was changed, and so are all lists and dicts around it. */
  modify(): void {
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- the first of several
    let draft: ContainerDraft | undefined = this;
    for (; draft !== undefined && !draft.#isModified; draft = draft.#parent) draft.#isModified = true;
  }

  /** What it has become. While that is not complete, the result is incomplete: it contains itself. */
  finish(): object {
    if (!this.#isModified) return this.#original;
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

class DictDraft extends ContainerDraft {
  readonly #dict: Dict;
  #copy: Dict | undefined;
  readonly #written = new Set<PropertyKey>();

  constructor(dict: Dict, parent: ContainerDraft | undefined, session: Session) {
    super(dict, parent, session);
    this.#dict = dict;
  }

  read(key: PropertyKey): unknown {
    const entries = this.#copy ?? this.#dict;
    return Object.hasOwn(entries, key) ? entries[key as string] : ABSENT;
  }

  write(key: PropertyKey, value: unknown): void {
    (this.#copy ??= copyOf(this.#dict))[key as string] = value;
    this.#written.add(key);
  }

  remove(key: PropertyKey): void {
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- an own property of a copy
    delete (this.#copy ??= copyOf(this.#dict))[key as string];
  }

  keys(): PropertyKey[] {
    return Reflect.ownKeys(this.#copy ?? this.#dict);
  }

  protected make(begin: (result: object) => void): void {
    const copy = (this.#copy ??= copyOf(this.#dict));
    begin(copy);
    for (const key of this.#written as Set<string>) if (Object.hasOwn(copy, key)) copy[key] = finished(copy[key]);
  }
}

class WideDraft extends ContainerDraft {
  readonly #base: WideDict;
  readonly #values = new Map<PropertyKey, unknown>();
  readonly #readded = new Set<string>();

  constructor(dict: object, parent: ContainerDraft | undefined, session: Session) {
    super(dict, parent, session);
    this.#base = dict instanceof WideDict ? dict : WideDict.of(dict);
  }

  read(key: PropertyKey): unknown {
    const value = this.#values.get(key);
    return value !== undefined || this.#values.has(key) ? value : this.#before(key);
  }

  write(key: PropertyKey, value: unknown): void {
    if (this.read(key) === ABSENT) {
      this.#values.delete(key);
      if (this.#before(key) !== ABSENT) this.#readded.add(key as string);
    }
    this.#values.set(key, value);
  }

  remove(key: PropertyKey): void {
    this.#readded.delete(key as string);
    if (this.#before(key) === ABSENT) this.#values.delete(key);
    else this.#values.set(key, ABSENT);
  }

  keys(): PropertyKey[] {
    const kept = this.#base.keys();
    if (this.#values.size === 0) return kept;
    const isLast = (key: PropertyKey): boolean => this.#readded.has(key as string) || this.#before(key) === ABSENT;
    // An object puts keys that are integers first.
    const order: Dict = {};
    for (const key of kept) if (this.read(key) !== ABSENT && !this.#readded.has(key)) order[key] = 0;
    for (const [key, value] of this.#values) if (value !== ABSENT && isLast(key)) order[key as string] = 0;
    return Reflect.ownKeys(order);
  }

  protected make(begin: (result: object) => void): void {
    const values = new Map<string, unknown>();
    begin(WideDict.from(this.#base, { values, readded: this.#readded }));
    for (const [key, value] of this.#values) {
      const after = finished(value);
      if (!Object.is(after, this.#before(key)) || this.#readded.has(key as string)) values.set(key as string, after);
    }
  }

  #before(key: PropertyKey): unknown {
    return typeof key === "string" ? this.#base.get(key) : ABSENT;
  }
}

class ListDraft extends ContainerDraft {
  readonly #list: readonly unknown[];
  #copy: unknown[] | undefined;
  /** How many objects that are not of the state were put into the copy. */
  #placed = 0;

  constructor(list: readonly unknown[], parent: ContainerDraft | undefined, session: Session) {
    super(list, parent, session);
    this.#list = list;
  }

  get items(): readonly unknown[] {
    return this.#copy ?? this.#list;
  }

  read(key: PropertyKey): unknown {
    const { items } = this;
    return Object.hasOwn(items, key) ? items[key as number] : ABSENT;
  }

  write(key: PropertyKey, value: unknown): void {
    if (key !== "length" && !isIndex(key)) throw new TypeError("A list has items and a length, and nothing else");
    this.edit([value])[key as number] = value;
  }

  remove(key: PropertyKey): void {
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete, @typescript-eslint/no-array-delete -- as asked
    delete this.edit([])[key as number];
  }

  keys(): PropertyKey[] {
    return Reflect.ownKeys(this.items);
  }

  /** A copy that may be changed, into which these values will be put. */
  edit(placed: readonly unknown[]): unknown[] {
    for (const value of placed) if (typeof value === "object" && value !== null) this.#placed++;
    return (this.#copy ??= [...this.#list]);
  }

  protected make(begin: (result: object) => void): void {
    const copy = this.edit([]);
    begin(copy);
    // Items that were put in are usually the last ones.
    for (let index = copy.length - 1; index >= 0 && this.#placed > 0; index--) {
      const item = copy[index];
      if (item === this.#list[index] || typeof item !== "object" || item === null || isOfState(item)) continue;
      this.#placed--;
      copy[index] = finished(item);
    }
  }
}

function isIndex(key: PropertyKey): boolean {
  return typeof key === "string" && /^(?:0|[1-9]\d{0,9})$/.test(key);
}

type ListMethod = (draft: ListDraft, args: readonly unknown[]) => unknown;

/** Methods of arrays that would get and set most items one by one. */
const listMethods = new Map<PropertyKey, (...args: unknown[]) => unknown>(
  Object.entries({
    push: (draft, items) => change(draft, items.length > 0, items).push(...items),
    unshift: (draft, items) => change(draft, items.length > 0, items).unshift(...items),
    pop: (draft) => draft.wrap(change(draft, draft.items.length > 0, []).pop()),
    shift: (draft) => draft.wrap(change(draft, draft.items.length > 0, []).shift()),
    splice: (draft, args) => {
      const items = args.slice(2);
      const removed = draft.edit(items).splice(...(args as [number, number, ...unknown[]]));
      if (removed.length > 0 || items.length > 0) draft.modify();
      return removed.map((item) => draft.wrap(item));
    },
    reverse: (draft) => {
      change(draft, draft.items.length > 1, []).reverse();
      return draft.proxy;
    },
    sort: (draft, [compare]) => {
      draft.items.forEach((item, index) => {
        if (isLazy(item)) draft.get(String(index)); // `compare` gets the draft.
      });
      const sorted = [...draft.items].sort(compare as (one: unknown, other: unknown) => number);
      if (sorted.some((item, index) => !Object.is(item, draft.items[index]))) {
        const copy = change(draft, true, []);
        sorted.forEach((item, index) => (copy[index] = item));
      }
      return draft.proxy;
    },
  } satisfies Record<string, ListMethod>).map(([name, method]) => [
    name,
    function (this: unknown, ...args: unknown[]): unknown {
      const draft = drafts.get(this as object);
      if (draft instanceof ListDraft) return method(requireActive(draft), args);
      return (Array.prototype as unknown as Record<string, (...args: unknown[]) => unknown>)[name]!.apply(this, args);
    },
  ]),
);

function change(draft: ListDraft, isChanged: boolean, placed: readonly unknown[]): unknown[] {
  if (isChanged) draft.modify();
  return draft.edit(placed);
}

type Target = ContainerDraft | [ContainerDraft];

function requireActive<D extends ContainerDraft>(draft: D): D {
  if (draft.session.isOver) throw new TypeError("A draft was used after its recipe has ended");
  return draft;
}

const draftIn = (target: Target): ContainerDraft => requireActive(Array.isArray(target) ? target[0] : target);

const prototypeOf = (target: Target): object => (Array.isArray(target) ? Array.prototype : Object.prototype);

const handler: ProxyHandler<Target> = {
  get(target, key, receiver) {
    const value = draftIn(target).get(key);
    if (value !== ABSENT) return value;
    const method = Array.isArray(target) ? listMethods.get(key) : undefined;
    return method ?? (Reflect.get(prototypeOf(target), key, receiver) as unknown);
  },
  set(target, key, value) {
    if (key === FORBIDDEN_KEY) throw new TypeError(`The state cannot contain the key ${FORBIDDEN_KEY}`);
    const draft = draftIn(target);
    if (Object.is(draft.read(key), value)) return true;
    draft.write(key, value);
    draft.modify();
    return true;
  },
  deleteProperty(target, key) {
    const draft = draftIn(target);
    if (draft.read(key) === ABSENT) return true;
    draft.remove(key);
    draft.modify();
    return true;
  },
  has: (target, key) => draftIn(target).read(key) !== ABSENT || key in prototypeOf(target),
  ownKeys: (target) => draftIn(target).keys() as (string | symbol)[],
  getOwnPropertyDescriptor(target, key) {
    const value = draftIn(target).get(key);
    const isLength = Array.isArray(target) && key === "length";
    return value === ABSENT ? undefined : { value, writable: true, enumerable: !isLength, configurable: !isLength };
  },
  getPrototypeOf: prototypeOf,
  setPrototypeOf: () => refuse("The prototype of a draft cannot be set"),
  defineProperty: () => refuse("A property of a draft can only be set"),
  preventExtensions: () => refuse("A draft cannot be frozen"),
};

function refuse(problem: string): never {
  throw new TypeError(problem);
}

/** Whether a value is, or contains, a `WideDict`. */
function isLazy(value: unknown): boolean {
  return typeof value === "object" && value !== null && extents.get(value)?.isLazy === true;
}

/** Whether a value is of the state. Others come from the recipe, which may change them itself. */
function isOfState(value: object): boolean {
  return extents.has(value) || Object.isFrozen(value);
}

/** What an entry becomes. Drafts in objects of the recipe are replaced. */
function finished(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const draft = drafts.get(value);
  if (draft !== undefined) return draft.finish();
  if (!isOfState(value)) replaceDrafts(value, new Set());
  return value;
}

/** Replaces drafts in an object of the recipe, which gets plain dicts only, because the program may keep it. */
function replaceDrafts(container: object, seen: Set<object>): void {
  if (seen.has(container) || Object.isFrozen(container)) return;
  seen.add(container);
  if (!Array.isArray(container) && !isPlainObject(container)) return;
  for (const key of Object.keys(container)) {
    const value = (container as Dict)[key];
    if (typeof value !== "object" || value === null) continue;
    const draft = drafts.get(value);
    if (draft !== undefined) (container as Dict)[key] = withoutWideDicts(draft.finishComplete(), seen);
    else if (!isOfState(value)) replaceDrafts(value, seen);
  }
}

function withoutWideDicts(value: object, seen: Set<object>): unknown {
  if (isOfState(value)) return plainOf(value);
  const plain = value instanceof WideDict ? value.plain : value;
  if (seen.has(plain)) return plain;
  seen.add(plain);
  for (const key of Object.keys(plain)) {
    const item = (plain as Dict)[key];
    if (typeof item === "object" && item !== null) (plain as Dict)[key] = withoutWideDicts(item, seen);
  }
  return plain;
}

function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
