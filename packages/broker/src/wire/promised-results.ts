// Results that contain promises: waited for, wherever they are.

import { FrozenSet, JellyError } from "@pb/jelly-types";
import type { TypeHandler } from "@pb/jelly-types";

/** Thrown on meeting a promise in what is written. Whoever can wait settles it and writes again. */
export class UnsettledError extends JellyError {
  constructor() {
    super("JELLY_NOT_JELLYABLE", "A promise cannot be sent; a result may contain promises, arguments may not");
  }
}

export const promise: TypeHandler<Promise<unknown>> = {
  atoms: [],
  classes: [Promise],
  subclasses: true,
  identity: false,
  jelly() {
    throw new UnsettledError();
  },
  unjelly: () => undefined,
};

/**
 * The same value with every promise in its lists, dicts and sets replaced by what it resolves to. Shared containers stay shared, cycles stay
 * cycles. Rejects when one of the promises does.
 */
export function settle(value: unknown): Promise<unknown> {
  return settleWith(value, new Map());
}

/** All parts at once: a promise that rejects while another one is waited for must have somebody listening. */
async function settleWith(value: unknown, done: Map<object, unknown>): Promise<unknown> {
  const settled: unknown = await value;
  if (typeof settled !== "object" || settled === null) return settled;
  if (done.has(settled)) return done.get(settled);
  if (Array.isArray(settled)) {
    const copy = new (settled.constructor as ArrayConstructor)() as unknown[];
    done.set(settled, copy);
    for (const item of await settleAll(settled, done)) copy.push(item);
    return copy;
  }
  if (settled instanceof Map) {
    const copy = new Map<unknown, unknown>();
    done.set(settled, copy);
    const items = await settleAll([...(settled as Map<unknown, unknown>).values()], done);
    for (const [index, key] of [...settled.keys()].entries()) copy.set(key, items[index]);
    return copy;
  }
  if (settled instanceof Set) {
    const copy = new Set<unknown>();
    done.set(settled, copy);
    for (const member of await settleAll([...(settled as Set<unknown>)], done)) copy.add(member);
    return copy;
  }
  if (settled instanceof FrozenSet && isSettled(settled, done)) return settled;
  if (settled instanceof FrozenSet) return new FrozenSet(await settleAll([...settled], done));
  const prototype: unknown = Object.getPrototypeOf(settled);
  if (prototype !== Object.prototype && prototype !== null) return settled;
  const copy = Object.create(prototype) as Record<string, unknown>;
  done.set(settled, copy);
  const items = await settleAll(Object.values(settled), done);
  for (const [index, key] of Object.keys(settled).entries()) {
    Object.defineProperty(copy, key, { value: items[index], writable: true, enumerable: true, configurable: true });
  }
  return copy;
}

/**
 * Whether there is no promise in a frozenset: then it stays as it is, with what is in it. A copy of one is made when all of it is there, and so one
 * for each place it stands in: a peer may send a few lines in which that is a billion, and get them back beside a promise.
 */
function isSettled(set: FrozenSet, done: Map<object, unknown>): boolean {
  const met = new Set<object>([set]);
  for (const object of met) {
    if (!(object instanceof FrozenSet) && !Array.isArray(object)) {
      if ("then" in object) return false;
      continue;
    }
    for (const item of object as Iterable<unknown>) {
      if (typeof item === "object" && item !== null && done.get(item) !== item) met.add(item);
    }
  }
  for (const object of met) if (!done.has(object)) done.set(object, object);
  return true;
}

function settleAll(items: readonly unknown[], done: Map<object, unknown>): Promise<unknown[]> {
  return Promise.all(items.map((item) => settleWith(item, done)));
}
