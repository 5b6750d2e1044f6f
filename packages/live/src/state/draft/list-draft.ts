// Drafts of lists.

import { ABSENT } from "../absent.js";
import { extents } from "../extents.js";
import { ContainerDraft, drafts, requireActive } from "./container-draft.js";
import type { Session } from "./container-draft.js";
import { finished } from "./own-objects.js";

/** Items that an array has at most. */
const MOST_LENGTH = 2 ** 32 - 1;

export class ListDraft extends ContainerDraft {
  readonly #list: readonly unknown[];
  #copy: unknown[] | undefined;
  /** How many items of the copy are drafts or objects of the recipe, or more. */
  #placed: number;

  constructor(list: readonly unknown[], parent: ContainerDraft | undefined, session: Session) {
    super(list, parent, session);
    this.#list = list;
    this.#placed = extents.has(list) ? 0 : list.length;
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
    const kept = extents.has(this.#list) ? this.#list : [];
    // Items that were put in are usually the last ones.
    for (let index = copy.length - 1; index >= 0 && this.#placed > 0; index--) {
      const item = copy[index];
      if (item === kept[index] || typeof item !== "object" || item === null || extents.has(item)) continue;
      this.#placed--;
      copy[index] = finished(item, this.session);
    }
  }
}

function isIndex(key: PropertyKey): boolean {
  return typeof key === "string" && /^(?:0|[1-9]\d{0,9})$/.test(key) && Number(key) < MOST_LENGTH;
}

type ListMethod = (draft: ListDraft, args: readonly unknown[]) => unknown;

/** Methods of arrays that would get and set most items one by one. */
export const listMethods: ReadonlyMap<PropertyKey, (...args: unknown[]) => unknown> = new Map(
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

/** Whether a value is, or contains, a `WideDict`. */
function isLazy(value: unknown): boolean {
  return typeof value === "object" && value !== null && extents.get(value)?.isLazy === true;
}
