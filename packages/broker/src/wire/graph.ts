// Traverses graphs of plain containers: arrays, tuples, sets, maps and plain objects. Any other object is a leaf.
// No function here is recursive in the depth of lists or dicts: a deeply nested graph must not overflow the stack.

import { FrozenSet } from "@pb/jelly-types";
import { Kwargs } from "./kwargs.js";

/**
 * Calls `visit` once for each object of a graph, containers included, until it returns true. Returns whether it did.
 * Objects in `seen` are left out; those that are visited are added to it.
 */
export function someObject(
  root: unknown,
  visit: (object: object) => boolean,
  seen: Set<object> = new Set<object>(),
): boolean {
  const values = [root];
  for (const value of values) {
    if (typeof value !== "object" || value === null || seen.has(value)) continue;
    seen.add(value);
    if (visit(value)) return true;
    for (const part of partsOf(value)) values.push(part); // The loop goes on with them.
  }
  return false;
}

/** Nothing for a container that cannot be read, as one with a getter that throws: it is refused when it is written. */
function partsOf(object: object): readonly unknown[] {
  try {
    return membersOf(object);
  } catch {
    return [];
  }
}

function membersOf(object: object): readonly unknown[] {
  if (Array.isArray(object) || object instanceof Set || object instanceof FrozenSet)
    return [...(object as Iterable<unknown>)];
  if (object instanceof Map) return [...object.keys(), ...object.values()] as unknown[];
  return isPlainObject(object) ? (Object.values(object) as unknown[]) : [];
}

/** What takes the place of an object. `fill` maps its parts; it is called after the object is known by its value. */
export interface Replacement {
  readonly value: unknown;
  readonly fill?: () => void;
}

/**
 * Decides about one object of a graph: returns its replacement, or undefined to copy a container and keep a leaf. `map`
 * maps another value.
 */
export type Replace = (object: object, map: (value: unknown) => unknown) => Replacement | undefined;

/**
 * Copies the containers of a graph, with objects replaced as `replace` decides, and other values by `primitive`. Shared
 * containers stay shared, and cycles stay cycles.
 */
export function mapGraph(
  root: unknown,
  replace: Replace,
  primitive: (value: unknown) => unknown = (value) => value,
): unknown {
  const copies = new Map<object, unknown>();
  /** Containers whose copy is empty so far. */
  const unfilled: (() => void)[] = [];
  const mapped = map(root);
  for (let fill = unfilled.pop(); fill !== undefined; fill = unfilled.pop()) fill();
  return mapped;

  function map(value: unknown): unknown {
    if (typeof value !== "object" || value === null) return primitive(value);
    if (copies.has(value)) return copies.get(value);
    const replacement = replace(value, map);
    const copy = replacement === undefined ? copyOf(value) : replacement.value;
    copies.set(value, copy);
    if (replacement?.fill !== undefined) unfilled.push(replacement.fill);
    return copy;
  }

  function copyOf(value: object): unknown {
    if (Array.isArray(value)) {
      const copy = new (value.constructor as ArrayConstructor)() as unknown[];
      unfilled.push(() => {
        for (const item of value as unknown[]) copy.push(map(item));
      });
      return copy;
    }
    if (value instanceof Map) {
      const copy = new Map<unknown, unknown>();
      unfilled.push(() => {
        for (const [key, item] of value as Map<unknown, unknown>) copy.set(map(key), map(item));
      });
      return copy;
    }
    if (value instanceof Set) {
      const copy = new Set<unknown>();
      unfilled.push(() => {
        for (const member of value as Set<unknown>) copy.add(map(member));
      });
      return copy;
    }
    if (value instanceof FrozenSet) return copyFrozenSet(value);
    if (!isPlainObject(value)) return value;
    const copy = Object.create(Object.getPrototypeOf(value) as object | null) as object;
    unfilled.push(() => {
      for (const [key, item] of Object.entries(value)) {
        Object.defineProperty(copy, key, { value: map(item), writable: true, enumerable: true, configurable: true });
      }
    });
    return copy;
  }

  /**
   * A frozenset gets its members when it is made, so that its members are mapped first. One that contains itself is
   * kept as it is.
   */
  function copyFrozenSet(set: FrozenSet): unknown {
    copies.set(set, set);
    return new FrozenSet(Array.from(set as Iterable<unknown>, (member) => map(member)));
  }
}

function isPlainObject(object: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(object);
  return prototype === null || prototype === Object.prototype || prototype === Kwargs.prototype;
}
