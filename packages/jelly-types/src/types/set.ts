// Sets and frozensets.

import { madeBy } from "@pb/banana";
import type { PackageCopy, Steps } from "@pb/banana";
import { below, removedWhileWritten, sizeOf, unreadable } from "../errors.js";
import type { JellyReader, JellyStepReader, JellyWriter, TypeHandler } from "../handler.js";
import { addMembers, addMembersInSteps } from "../reading/hash-guard.js";
import { Heap, tableBytes } from "../reading/heap.js";
import { asKey } from "./hashable.js";
import { thisCopy } from "../this-copy.js";

/** What the methods of ES2025 sets take: a `Set`, a `FrozenSet`, or the keys of a `Map`. */
interface SetLike<T> {
  readonly size: number;
  has(value: T): boolean;
  keys(): Iterator<T>;
}

/** `SetIterator<T>`, which TypeScript has since 5.6. */
type Iteration<T> = ReturnType<Set<T>["values"]>;

/** The set in a frozenset, to which its members are added while it is read. */
let setIn: (set: FrozenSet) => Set<unknown>;

/**
 * A Python frozenset: an immutable set. Unlike a `Set`, it may be a dict key or a member of a set. On every platform it
 * has the methods that ES2025 gives to a `ReadonlySet`; those that combine two sets return a new `Set`.
 */
export class FrozenSet<T = unknown> implements ReadonlySet<T> {
  readonly #members: Set<T>;

  static {
    setIn = (set) => set.#members;
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

  entries(): Iteration<[T, T]> {
    return this.#members.entries();
  }

  keys(): Iteration<T> {
    return this.#members.keys();
  }

  values(): Iteration<T> {
    return this.#members.values();
  }

  [Symbol.iterator](): Iteration<T> {
    return this.#members.values();
  }

  union<U>(other: SetLike<U>): Set<T | U> {
    return new Set<T | U>([...this, ...membersOf(other)]);
  }

  intersection<U>(other: SetLike<U>): Set<T & U> {
    return new Set(shared(this, membersOf(other))) as Set<T & U>;
  }

  difference<U>(other: SetLike<U>): Set<T> {
    return new Set(missing(this, membersOf(other)));
  }

  symmetricDifference<U>(other: SetLike<U>): Set<T | U> {
    const members = membersOf(other);
    return new Set<T | U>([...missing(this, members), ...missing(members, this)]);
  }

  isSubsetOf(other: SetLike<unknown>): boolean {
    return missing(this, membersOf(other)).length === 0;
  }

  isSupersetOf(other: SetLike<unknown>): boolean {
    return missing(membersOf(other), this).length === 0;
  }

  isDisjointFrom(other: SetLike<unknown>): boolean {
    return shared(this, membersOf(other)).length === 0;
  }

  readonly [Symbol.toStringTag] = "FrozenSet";

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}

/** Throws a TypeError for other iterables, such as arrays, as the methods of a `Set` do. */
function membersOf<T>(other: SetLike<T>): Set<T> {
  if (typeof other.size !== "number") throw new TypeError("This method needs a set, or a map for its keys");
  return new Set({ [Symbol.iterator]: () => other.keys() });
}

function shared<T>(members: Iterable<T>, others: ReadonlySet<unknown>): T[] {
  return [...members].filter((member) => others.has(member));
}

function missing<T>(members: Iterable<T>, others: ReadonlySet<unknown>): T[] {
  return [...members].filter((member) => !others.has(member));
}

function writeMembers(atom: string, set: ReadonlySet<unknown>, jellier: JellyWriter): void {
  const { writer } = jellier;
  // A state hook may change the set while it is written: what it adds is left out, as in a list.
  const size = sizeOf(set);
  writer.list(size + 1);
  writer.word(atom);
  let index = 0;
  let isReading = true;
  try {
    for (const member of set) {
      isReading = false;
      if (index === size) return;
      jellier.requireHashable(member);
      jellier.write(member);
      index++;
      isReading = true;
    }
    isReading = false;
    if (index < size) throw removedWhileWritten("set");
  } catch (error) {
    throw isReading ? unreadable(error) : below(error, `[${index}]`);
  }
}

/** The members of a set that is being read. They are added in their order, when the last of them is complete. */
interface Members {
  readonly set: Set<unknown>;
  readonly read: unknown[];
  /** Placeholders among them. */
  missing: number;
}

function startMembers(unjellier: JellyReader, items: number, set: Set<unknown>): Members {
  unjellier.charge(tableBytes(items, Heap.SET_ENTRY) - Heap.INSTANCE); // The unjellier has charged an instance.
  return { set, read: [], missing: 0 };
}

function noteMember(unjellier: JellyReader, members: Members, value: unknown): void {
  const { set, read } = members;
  const member = asKey(value, unjellier.exactness);
  const place = read.push(member) - 1;
  if (!unjellier.isPending(member)) {
    unjellier.requireHashable(member);
    return;
  }
  members.missing++;
  unjellier.whenResolved(member, (resolved) => {
    unjellier.requireHashable(resolved);
    read[place] = resolved;
    if (--members.missing === 0) addMembers(set, read);
  });
}

function readMembers(unjellier: JellyReader, items: number, set: Set<unknown>): void {
  const members = startMembers(unjellier, items, set);
  let index = 0;
  try {
    for (; index < items; index++) noteMember(unjellier, members, unjellier.read());
  } catch (error) {
    throw below(error, `[${index}]`);
  }
  if (members.missing === 0) addMembers(set, members.read);
}

/** As {@link readMembers}. */
function* readMembersInSteps(unjellier: JellyStepReader, items: number, set: Set<unknown>): Steps<void> {
  const members = startMembers(unjellier, items, set);
  let index = 0;
  try {
    for (; index < items; index++) {
      if (unjellier.endsStep()) yield;
      noteMember(unjellier, members, unjellier.isLong() ? yield* unjellier.readInSteps() : unjellier.read());
    }
  } catch (error) {
    throw below(error, `[${index}]`);
  }
  if (members.missing === 0) yield* addMembersInSteps(set, members.read, () => unjellier.endsStep());
}

function newSet(unjellier: JellyReader): Set<unknown> {
  const made = new Set<unknown>();
  unjellier.register(made);
  return made;
}

export const set: TypeHandler<Set<unknown>> = {
  atoms: ["set"],
  classes: [Set],
  jelly: (value, jellier) => writeMembers("set", value, jellier),
  unjelly(unjellier, items) {
    const made = newSet(unjellier);
    readMembers(unjellier, items, made);
    return made;
  },
  *unjellyInSteps(unjellier, items) {
    const made = newSet(unjellier);
    yield* readMembersInSteps(unjellier, items, made);
    return made;
  },
};

function newFrozenSet(unjellier: JellyReader): FrozenSet {
  unjellier.charge(Heap.FROZEN_SET);
  const made = new FrozenSet();
  unjellier.register(made);
  return made;
}

export const frozenSet: TypeHandler<FrozenSet> = {
  atoms: ["frozenset"],
  classes: [FrozenSet],
  jelly: (value, jellier) => writeMembers("frozenset", value, jellier),
  unjelly(unjellier, items) {
    const made = newFrozenSet(unjellier);
    readMembers(unjellier, items, setIn(made));
    return made;
  },
  *unjellyInSteps(unjellier, items) {
    const made = newFrozenSet(unjellier);
    yield* readMembersInSteps(unjellier, items, setIn(made));
    return made;
  },
};
