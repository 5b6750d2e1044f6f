// What is known about lists and dicts that were checked: they are frozen, so they are not looked at again.

/** The number of values in a value, itself included, and how deep they are nested. */
export interface Extent {
  readonly values: number;
  readonly depth: number;
  /** Whether it is, or contains, a `WideDict`, so that programs must not get it. */
  readonly isLazy?: true;
}

export const SCALAR: Extent = { values: 1, depth: 0 };

/** Of all lists and dicts that were checked or converted. */
export const extents: WeakMap<object, Extent> = new WeakMap<object, Extent>();

/** The extent of a value of a state that was checked. */
export function extentOf(value: unknown): Extent {
  return typeof value === "object" && value !== null ? extents.get(value)! : SCALAR;
}
