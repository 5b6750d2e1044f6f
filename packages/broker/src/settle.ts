// Results that contain promises: waited for, wherever they are.

import { JellyError } from "@pb/jelly-types";
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

async function settleWith(value: unknown, done: Map<object, unknown>): Promise<unknown> {
  const settled: unknown = await value;
  if (typeof settled !== "object" || settled === null) return settled;
  if (done.has(settled)) return done.get(settled);
  if (Array.isArray(settled)) {
    const copy = new (settled.constructor as ArrayConstructor)() as unknown[];
    done.set(settled, copy);
    for (const item of settled as unknown[]) copy.push(await settleWith(item, done));
    return copy;
  }
  if (settled instanceof Map) {
    const copy = new Map<unknown, unknown>();
    done.set(settled, copy);
    for (const [key, item] of settled as Map<unknown, unknown>) copy.set(key, await settleWith(item, done));
    return copy;
  }
  const prototype: unknown = Object.getPrototypeOf(settled);
  if (prototype !== Object.prototype && prototype !== null) return settled;
  const copy = Object.create(prototype) as Record<string, unknown>;
  done.set(settled, copy);
  for (const [key, item] of Object.entries(settled)) {
    const own = await settleWith(item, done);
    Object.defineProperty(copy, key, { value: own, writable: true, enumerable: true, configurable: true });
  }
  return copy;
}
