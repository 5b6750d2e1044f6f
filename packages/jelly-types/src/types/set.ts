// Sets and frozensets.

import { below } from "../errors.js";
import type { JellyReader, JellyWriter, TypeHandler } from "../handler.js";
import { addMembers } from "../reading/hash-guard.js";
import { asKey } from "./hashable.js";

/** Adds members to a frozenset that is being read. */
let fill: (set: FrozenSet, members: readonly unknown[]) => void;

/** A Python frozenset: an immutable set. Unlike a `Set`, it may be a dict key or a member of a set. */
export class FrozenSet<T = unknown> implements ReadonlySet<T> {
  readonly #members: Set<T>;

  static {
    fill = (set, members) => addMembers(set.#members, members);
  }

  constructor(members: Iterable<T> = []) {
    this.#members = new Set(members);
  }

  get size(): number {
    return this.#members.size;
  }

  has(member: T): boolean {
    return this.#members.has(member);
  }

  forEach(action: (member: T, again: T, set: ReadonlySet<T>) => void, thisArg?: unknown): void {
    for (const member of this.#members) action.call(thisArg, member, member, this);
  }

  entries(): SetIterator<[T, T]> {
    return this.#members.entries();
  }

  keys(): SetIterator<T> {
    return this.#members.keys();
  }

  values(): SetIterator<T> {
    return this.#members.values();
  }

  [Symbol.iterator](): SetIterator<T> {
    return this.#members.values();
  }

  readonly [Symbol.toStringTag] = "FrozenSet";
}

function writeMembers(atom: string, set: ReadonlySet<unknown>, jellier: JellyWriter): void {
  const { writer } = jellier;
  writer.list(set.size + 1);
  writer.word(atom);
  let index = 0;
  try {
    for (const member of set) {
      jellier.requireHashable(member);
      jellier.write(member);
      index++;
    }
  } catch (error) {
    throw below(error, `[${index}]`);
  }
}

/** Reads all members and passes them to `add` in their order, when the last of them is complete. */
function readMembers(unjellier: JellyReader, items: number, add: (members: readonly unknown[]) => void): void {
  const members: unknown[] = [];
  let missing = 0;
  let index = 0;
  try {
    for (; index < items; index++) {
      const member = asKey(unjellier.read(), unjellier.exactness);
      members.push(member);
      if (!unjellier.isPending(member)) {
        unjellier.requireHashable(member);
        continue;
      }
      const place = index;
      missing++;
      unjellier.whenResolved(member, (resolved) => {
        unjellier.requireHashable(resolved);
        members[place] = resolved;
        if (--missing === 0) add(members);
      });
    }
  } catch (error) {
    throw below(error, `[${index}]`);
  }
  if (missing === 0) add(members);
}

export const set: TypeHandler<Set<unknown>> = {
  atoms: ["set"],
  classes: [Set],
  jelly: (value, jellier) => writeMembers("set", value, jellier),
  unjelly(unjellier, items) {
    const made = new Set<unknown>();
    unjellier.register(made);
    readMembers(unjellier, items, (members) => addMembers(made, members));
    return made;
  },
};

export const frozenSet: TypeHandler<FrozenSet> = {
  atoms: ["frozenset"],
  classes: [FrozenSet],
  jelly: (value, jellier) => writeMembers("frozenset", value, jellier),
  unjelly(unjellier, items) {
    const made = new FrozenSet();
    unjellier.register(made);
    readMembers(unjellier, items, (members) => fill(made, members));
    return made;
  },
};
