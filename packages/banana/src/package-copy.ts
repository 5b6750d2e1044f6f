// Recognizes objects of another copy of a package. A program can load a package twice, in one version or in several:
// `instanceof` does not recognize the objects of the other copy.

/** The copy of a package. Each copy has its own object. */
export interface PackageCopy {
  readonly name: string;
  readonly version: string;
}

/** The property of a prototype that names the copy of the package that defines the class. */
export const madeBy: unique symbol = Symbol.for("@pb/made-by");

type Marked = { readonly [madeBy]?: PackageCopy } | null | undefined;

/**
 * Tells that `value` was "created by another copy of @pb/broker (0.1.0; this is 0.1.1)": not by the copy that defines
 * the class `own`. Undefined for all other values.
 */
export function otherCopy(value: unknown, own: { readonly prototype: object }): string | undefined {
  const here = (own.prototype as Marked)?.[madeBy];
  const copy = (value as Marked)?.[madeBy];
  if (copy === undefined || copy === here || copy.name !== here?.name) return undefined;
  return `created by another copy of ${copy.name} (${copy.version}; this is ${here.version})`;
}

/** Throws a TypeError for an object of another copy of the package that defines the class `own`. */
export function requireOwnCopy(value: unknown, own: { readonly prototype: object }): void {
  const other = otherCopy(value, own);
  if (other !== undefined) throw new TypeError(`An instance of ${(value as object).constructor.name} was ${other}`);
}
