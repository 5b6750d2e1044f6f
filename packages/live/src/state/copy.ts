// Copies dicts.

type Dict = Record<string, unknown>;

/** Up to so many entries, the spread operator is the fastest copy. */
const MOST_SPREAD = 128;

/** A copy of a plain object without the key `__proto__`, with Object.prototype. */
export function copyOf(dict: Readonly<Dict>): Dict {
  const keys = Object.keys(dict);
  if (keys.length <= MOST_SPREAD) return { ...dict };
  const copy: Dict = { a: 0, b: 0 };
  // V8 makes a hash table of an object that has lost a property. Otherwise it would make a class for each entry first.
  delete copy.a;
  delete copy.b;
  for (const key of keys) copy[key] = dict[key];
  return copy;
}
