// What a peer may name (wire specification 4.9; `twisted.spread.jelly.SecurityOptions`).

const BASIC_TYPES = [
  "None", "boolean", "unicode", "decimal", "datetime", "time", "date", "timedelta", "set", "frozenset",
  "dictionary", "list", "tuple", "reference", "dereference", "unpersistable", "persistent",
]; // prettier-ignore

/**
 * Which of the standard types a peer may send. Types that somebody registered in the `TypeRegistry` of a connection are allowed by that.
 * Immutable: each `allow…` returns a new policy.
 */
export class SecurityPolicy {
  readonly #types: ReadonlySet<string>;

  private constructor(types: Iterable<string>) {
    this.#types = new Set(types);
  }

  /** Every standard type, nothing that names code. The default. */
  static readonly standard: SecurityPolicy = new SecurityPolicy(BASIC_TYPES);

  allowTypes(...names: string[]): SecurityPolicy {
    return new SecurityPolicy([...this.#types, ...names]);
  }

  allowsType(name: string): boolean {
    return this.#types.has(name);
  }
}
