// Keyword arguments: Python's `f(1, name="Bob")`.

import { madeBy } from "@pb/banana";
import type { PackageCopy } from "@pb/banana";
import { describe, isIndex, makeSparse } from "@pb/jelly-types";
import type { Class, TypeHandler } from "@pb/jelly-types";
import { thisCopy } from "../this-copy.js";

/**
 * Keyword arguments in their order. Behaves like an object without a prototype: any name that a peer sends is only
 * data.
 */
export class Kwargs<Names = unknown> {
  /** For the compiler only: no other type can be used as keyword arguments, and a misspelled name is an error. */
  declare protected readonly kwargsNames: Names;

  private constructor() {}

  /** Entries that are undefined are left out, so that their parameters have their default values. */
  static from(values: Readonly<Record<string, unknown>> | readonly (readonly [string, unknown])[]): Kwargs {
    const made = Object.create(Kwargs.prototype) as Kwargs & Record<string, unknown>;
    let isSparse = false;
    for (const [name, value] of Array.isArray(values) ? (values as [string, unknown][]) : Object.entries(values)) {
      if (value === undefined) continue;
      if (isIndex(name)) isSparse ||= makeSparse(made);
      (made as Record<string, unknown>)[name] = value;
    }
    return made;
  }

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}
Object.setPrototypeOf(Kwargs.prototype, null);
Reflect.deleteProperty(Kwargs.prototype, "constructor");

/** Keyword arguments that are not those of a call, such as kept ones in a result: they are sent as a dict. */
export const kwargsHandler: TypeHandler<Kwargs> = {
  atoms: [],
  classes: [Kwargs as unknown as Class<Kwargs>],
  jelly: (values, jellier) => jellier.writeProperties(values),
};

/** Keyword arguments with the types of their values. */
export type KwargsOf<Values> = Kwargs<keyof Values> & Readonly<Values>;

/**
 * Marks the last argument of a call as keyword arguments: `callRemote("find", 12, kwargs({ name: "Bob" }))`. Throws
 * `TypeError` for anything but a plain object.
 */
export function kwargs<Values extends Readonly<Record<string, unknown>>>(values: Values): KwargsOf<Values> {
  const given: unknown = values;
  if (typeof given !== "object" || given === null || Symbol.iterator in given)
    throw new TypeError(`Keyword arguments are an object, such as kwargs({ limit: 3 }), not ${describe(given)}`);
  return Kwargs.from(values) as KwargsOf<Values>;
}
