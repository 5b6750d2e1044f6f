// Received values for the comparisons of test runners.

import { mapGraph, someObject } from "../wire/graph.js";

/**
 * A copy of a received value whose dicts are ordinary objects. A received dict has no prototype, so that its names are
 * only data; `toStrictEqual` of Jest and Vitest and `assert.deepStrictEqual` of Node tell it from `{ … }`:
 * `assert.deepStrictEqual(plain(answer), { price: 2 })`. Instances of classes are kept as they are.
 */
export function plain<T>(value: T): T {
  const copy = mapGraph(value, () => undefined) as T;
  someObject(copy, (object) => {
    if (Object.getPrototypeOf(object) === null) Object.setPrototypeOf(object, Object.prototype);
    return false;
  });
  return copy;
}
