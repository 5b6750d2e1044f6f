// `SecurityPolicy`: which types, modules and classes may be named (wire specification 4.9;
// `twisted.spread.jelly.SecurityOptions`).

/** Scalars and sets: allowed by every policy unless refused. */
const BARE_TYPES = [
  "None", "boolean", "unicode", "decimal", "datetime", "time", "date", "timedelta", "set", "frozenset",
]; // prettier-ignore

/** The types that {@link SecurityPolicy.allowBasicTypes} adds. */
const BASIC_TYPES = ["dictionary", "list", "tuple", "reference", "dereference", "unpersistable", "persistent"];

/** The types that {@link SecurityPolicy.allowInstancesOf} adds. */
const INSTANCE_TYPES = ["instance", "class", "module"];

/** The names a policy allows; undefined for all names. */
interface Allowed {
  readonly types: ReadonlySet<string> | undefined;
  readonly modules: ReadonlySet<string> | undefined;
  readonly classes: ReadonlySet<string> | undefined;
}

/**
 * Defines which standard types a peer may send, and which modules and classes it may name. No policy makes the program
 * import, look up or run anything: a name arrives as a `PythonName`, and an instance of an unregistered class as an
 * `UnknownCopy`. Types that are registered in the `TypeRegistry` of a connection are always allowed.
 *
 * Immutable: each `allow…` and `refuse…` method returns a new policy.
 */
export class SecurityPolicy {
  readonly #allowed: Allowed;

  private constructor(allowed: Allowed) {
    this.#allowed = allowed;
  }

  /** Allows text, numbers, bytes, times, decimals and sets only (a new `SecurityOptions()` in Twisted). */
  static readonly bare: SecurityPolicy = new SecurityPolicy({
    types: new Set(BARE_TYPES),
    modules: new Set(),
    classes: new Set(),
  });

  /** Allows every standard type except names of classes, modules, functions and methods. The default. */
  static readonly standard: SecurityPolicy = SecurityPolicy.bare.allowBasicTypes();

  /** Allows all names. For tools that inspect what a peer sends (`DummySecurityOptions` in Twisted). */
  static readonly everything: SecurityPolicy = new SecurityPolicy({
    types: undefined,
    modules: undefined,
    classes: undefined,
  });

  /** Allows types by their atom on the wire: `list`, `class`, `function`. */
  allowTypes(...names: string[]): SecurityPolicy {
    return new SecurityPolicy({ ...this.#allowed, types: united(this.#allowed.types, names) });
  }

  /** Refuses types by their atom on the wire. Throws `TypeError` for a policy that allows all names. */
  refuseTypes(...names: string[]): SecurityPolicy {
    const { types } = this.#allowed;
    if (types === undefined) throw new TypeError("A policy that allows all names cannot refuse some of them");
    return new SecurityPolicy({ ...this.#allowed, types: new Set([...types].filter((name) => !names.includes(name))) });
  }

  /**
   * Allows lists, tuples, dicts, shared references, persistent ids and placeholders for objects that could not be sent.
   */
  allowBasicTypes(): SecurityPolicy {
    return this.allowTypes(...BASIC_TYPES);
  }

  /** Allows names of modules. Also allows names of functions in them, when the type `function` is allowed too. */
  allowModules(...names: string[]): SecurityPolicy {
    return new SecurityPolicy({ ...this.#allowed, modules: united(this.#allowed.modules, names) });
  }

  /** Allows classes by their full name, such as `shop.Invoice`, and the modules they belong to. */
  allowClasses(...names: string[]): SecurityPolicy {
    const policy = this.allowModules(...names.map(moduleOf));
    return new SecurityPolicy({ ...policy.#allowed, classes: united(policy.#allowed.classes, names) });
  }

  /** Allows instances of classes by their full name, and every type that is needed to send them. */
  allowInstancesOf(...names: string[]): SecurityPolicy {
    return this.allowClasses(...names)
      .allowBasicTypes()
      .allowTypes(...INSTANCE_TYPES);
  }

  allowsType(name: string): boolean {
    return this.#allowed.types?.has(name) ?? true;
  }

  allowsModule(name: string): boolean {
    return this.#allowed.modules?.has(name) ?? true;
  }

  /** Whether a class may be named, and whether instances of it may arrive when it is not registered. */
  allowsClass(name: string): boolean {
    return this.allowsModule(moduleOf(name)) && (this.#allowed.classes?.has(name) ?? true);
  }
}

/** The part of a name before its last dot; empty when there is no dot. */
export function moduleOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf(".")));
}

function united(set: ReadonlySet<string> | undefined, names: readonly string[]): ReadonlySet<string> | undefined {
  return set === undefined ? undefined : new Set([...set, ...names]);
}
