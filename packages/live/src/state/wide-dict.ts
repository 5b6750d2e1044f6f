// The dicts with many entries of a server: the time of an update depends on the entries that it changes, not on all.

import { ABSENT } from "./absent.js";
import { copyOf } from "./copy.js";
import { DictHistory } from "./dict-history.js";
import { extentOf, extents } from "./extents.js";
import type { Extent } from "./extents.js";

type Dict = Record<string, unknown>;

/** What an update has changed in a dict. */
export interface DictChanges {
  /** By key, {@link ABSENT} for an entry that is removed. Added entries are in the order in which they were added. */
  readonly values: ReadonlyMap<string, unknown>;
  /** The keys of entries that were removed and then added again, and so come last in the dict. */
  readonly readded: ReadonlySet<string>;
}

/** Of dicts that are the plain form of a {@link WideDict}. */
const wideDicts = new WeakMap<object, WideDict>();

/** What {@link WideDict.keepOrder} has seen. */
const moved = new WeakSet();

/**
 * A dict that never changes, and is one step in the history of a wide dict. The newest step has the entries. An older
 * one has what the next step has changed, and refers to it, so that it is collected when nothing else refers to it.
 */
export class WideDict {
  /** Undefined if the entries are those of the next step, apart from those in {@link #undo}. */
  #entries: Dict | undefined;
  /** The form that programs have. A dict that has it keeps its entries, because they may keep it for long. */
  #plain: object | undefined;
  /** Whether it may stay in one place of the state when it changes in another one. */
  #isElsewhere = false;
  #history = new DictHistory();
  /** Its number in the history. */
  #step = 0;
  /** The next step. Undefined also if this one keeps its entries. */
  #next: WideDict | undefined;
  /** What the entries that the next step has changed are here. */
  #undo: Map<string, unknown> | undefined;
  /** The dict before and the changes from which this one is made. Undefined when it is committed. */
  #pending: { readonly base: WideDict; readonly changes: DictChanges } | undefined;
  #values = 1;
  /** How many entries have which depth. */
  #depths: number[] = [];
  /** Entries that are, or contain, a wide dict. */
  #lazyEntries = 0;
  #size = 0;

  /** The history of a frozen dict that was checked. When it begins, this takes time for all entries. */
  static of(plain: object): WideDict {
    let dict = wideDicts.get(plain);
    if (dict !== undefined) return dict;
    dict = new WideDict();
    dict.#entries = plain as Dict;
    dict.#plain = plain;
    for (const value of Object.values(plain)) dict.#count(value, 1, extentOf(value));
    wideDicts.set(plain, dict);
    extents.set(dict, dict.extent);
    return dict;
  }

  /** The history of a dict in either form. Undefined if it has none. */
  static known(dict: object): WideDict | undefined {
    return dict instanceof WideDict ? dict : wideDicts.get(dict);
  }

  /** What changes make of a dict that was checked. It must be measured, and then committed. */
  static from(base: WideDict, changes: DictChanges): WideDict {
    const dict = new WideDict();
    dict.#pending = { base, changes };
    return dict;
  }

  /** The number of entries, if it was measured. */
  get size(): number {
    return this.#size;
  }

  get extent(): Extent {
    return { values: this.#values, depth: Math.max(1, this.#depths.length), isLazy: true };
  }

  /** The value of an entry, or {@link ABSENT}. */
  get(key: string): unknown {
    this.#shorten();
    if (this.#entries !== undefined) return Object.hasOwn(this.#entries, key) ? this.#entries[key] : ABSENT;
    return this.#undo!.has(key) ? this.#undo!.get(key) : this.#next!.get(key);
  }

  /** In their order. This takes time for all entries. */
  keys(): string[] {
    return Object.keys(this.#entries ?? this.#copy());
  }

  /**
   * Adds up its extent, and its size. `check` is called for each new value, and returns its extent. This takes time for
   * the changes only.
   */
  measure(check: (key: string, value: unknown, before: unknown) => Extent): Extent {
    const { base, changes } = this.#pending!;
    this.#size = base.#size;
    this.#values = base.#values;
    this.#depths = [...base.#depths];
    this.#lazyEntries = base.#lazyEntries;
    for (const [key, value] of changes.values) {
      const before = base.get(key);
      if (before !== ABSENT) this.#count(before, -1, extentOf(before));
      if (value !== ABSENT) this.#count(value, 1, check(key, value, before === ABSENT ? undefined : before));
    }
    while (this.#depths.at(-1) === 0) this.#depths.pop();
    return this.extent;
  }

  /** Becomes the next step of its history, or the first one of another, if the dict before already has a next step. */
  commit(): void {
    const { base, changes } = this.#pending!;
    this.#pending = undefined;
    const isNext = base.#step === base.#history.newest;
    // What a step has removed comes last when it is undone. That is the wrong order for a dict that stays in the state.
    const takes = isNext && base.#plain === undefined && !(base.#isElsewhere && base.#isReorderedBy(changes));
    this.#entries = takes ? base.#entries! : base.#copy();
    const undo = change(this.#entries, changes);
    if (!isNext) return;
    this.#history = base.#history;
    this.#history.add(undo, this.#size);
    this.#step = this.#history.newest;
    if (!takes) return;
    this.#isElsewhere ||= base.#isElsewhere;
    base.#entries = undefined;
    base.#undo = undo;
    base.#next = this;
  }

  /**
   * The keys of all entries in which a later step differs, and maybe others. Those that it adds are in their order.
   * Undefined if that is not known.
   */
  changedUntil(after: WideDict): readonly string[] | undefined {
    return this.#history === after.#history ? this.#history.keysBetween(this.#step, after.#step) : undefined;
  }

  /** The dict as a plain object: always the same one, and frozen, if it was committed. */
  get plain(): object {
    if (this.#plain !== undefined) return this.#plain;
    if (this.#pending !== undefined) return withPlainEntries(this.#copy());
    this.#entries ??= this.#copy();
    this.#next = this.#undo = undefined;
    this.#plain = this.#lazyEntries === 0 ? this.#entries : withPlainEntries(copyOf(this.#entries));
    extents.set(Object.freeze(this.#plain), { values: this.#values, depth: Math.max(1, this.#depths.length) });
    wideDicts.set(this.#plain, this);
    return this.#plain;
  }

  /** Notes that a list or dict was put into another place of the state: all wide dicts in it may be in two places. */
  static keepOrder(value: unknown): void {
    if (typeof value !== "object" || value === null || moved.has(value)) return;
    const extent = extents.get(value); // Undefined if it is not committed.
    if (extent !== undefined && extent.isLazy === undefined) return;
    moved.add(value);
    let entries: object = value;
    if (value instanceof WideDict) {
      value.#isElsewhere = true;
      if (value.#lazyEntries === 0) return;
      entries = value.#entries ?? value.#copy();
    }
    for (const entry of Object.values(entries)) WideDict.keepOrder(entry);
  }

  /** Whether changes remove an entry, or put it at the end. */
  #isReorderedBy({ values, readded }: DictChanges): boolean {
    if (readded.size > 0) return true;
    for (const [key, value] of values) if (value === ABSENT && this.get(key) !== ABSENT) return true;
    return false;
  }

  #copy(): Dict {
    if (this.#pending !== undefined) {
      const copy = this.#pending.base.#copy();
      change(copy, this.#pending.changes);
      return copy;
    }
    this.#shorten();
    const copy = copyOf(this.#entries ?? this.#next!.#entries!);
    if (this.#entries === undefined) for (const [key, value] of this.#undo!) set(copy, key, value);
    return copy;
  }

  /** Skips the next steps that have no entries, so that each of them is looked at once, not at each reading. */
  #shorten(): void {
    while (this.#entries === undefined && this.#next!.#entries === undefined) {
      addUndo(this.#undo!, this.#next!.#undo!);
      this.#next = this.#next!.#next;
    }
  }

  #count(value: unknown, by: 1 | -1, { values, depth, isLazy }: Extent): void {
    this.#size += by;
    this.#values += by * values;
    while (this.#depths.length <= depth) this.#depths.push(0);
    this.#depths[depth]! += by;
    if (isLazy === true) this.#lazyEntries += by;
  }
}

/** Changes entries. Returns what the changed entries were before. */
function change(entries: Dict, { values, readded }: DictChanges): Map<string, unknown> {
  const undo = new Map<string, unknown>();
  for (const [key, value] of values) {
    undo.set(key, Object.hasOwn(entries, key) ? entries[key] : ABSENT);
    if (readded.has(key)) set(entries, key, ABSENT);
    set(entries, key, value);
  }
  return undo;
}

function set(entries: Dict, key: string, value: unknown): void {
  // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- an own property
  if (value === ABSENT) delete entries[key];
  else entries[key] = value;
}

/** Adds what later steps have changed. An entry that they have added again comes last. */
function addUndo(undo: Map<string, unknown>, later: ReadonlyMap<string, unknown>): void {
  for (const [key, value] of later) {
    const first = undo.has(key) ? undo.get(key) : value;
    if (value === ABSENT) undo.delete(key);
    undo.set(key, first);
  }
}

/** The plain forms of lists and dicts that contain wide dicts. */
const plains = new WeakMap<object, object>();

/** A value of a state as programs get it, without `WideDict`s. It is the same object each time. */
export function plainOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null || extents.get(value)?.isLazy === undefined) return value;
  if (value instanceof WideDict) return value.plain;
  let plain = plains.get(value);
  if (plain === undefined) {
    const { values, depth } = extents.get(value)!;
    plain = Array.isArray(value) ? value.map(plainOf) : withPlainEntries(copyOf(value as Dict));
    extents.set(Object.freeze(plain), { values, depth });
    plains.set(value, plain);
  }
  return plain;
}

/** Whether `plain` is what programs got for a value of a state. */
export function isPlainOf(plain: object, value: object): boolean {
  return plain === value || plains.get(value) === plain || WideDict.known(plain) === value;
}

function withPlainEntries(copy: Dict): Dict {
  for (const key of Object.keys(copy)) copy[key] = plainOf(copy[key]);
  return copy;
}
