// Drafts of dicts.

import { ABSENT } from "../absent.js";
import { copyOf } from "../copy.js";
import { extents } from "../extents.js";
import { WideDict } from "../wide-dict.js";
import { ContainerDraft } from "./container-draft.js";
import type { Session } from "./container-draft.js";
import { finished } from "./own-objects.js";

type Dict = Record<string, unknown>;

export class DictDraft extends ContainerDraft {
  readonly #dict: Dict;
  #copy: Dict | undefined;
  /** Keys of entries that may be drafts, or objects of the recipe. */
  readonly #written: Set<PropertyKey>;

  constructor(dict: Dict, parent: ContainerDraft | undefined, session: Session) {
    super(dict, parent, session);
    this.#dict = dict;
    this.#written = new Set(extents.has(dict) ? [] : Object.keys(dict));
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
    for (const key of this.#written as Set<string>)
      if (Object.hasOwn(copy, key)) copy[key] = finished(copy[key], this.session);
  }
}

/** The draft of a wide dict, which becomes a `WideDict`. */
export class WideDraft extends ContainerDraft {
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
      const after = finished(value, this.session);
      if (!Object.is(after, this.#before(key)) || this.#readded.has(key as string)) values.set(key as string, after);
    }
  }

  #before(key: PropertyKey): unknown {
    return typeof key === "string" ? this.#base.get(key) : ABSENT;
  }
}
