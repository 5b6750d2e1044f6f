// What a peer may name (wire specification 4.9; `twisted.spread.jelly.SecurityOptions`).

/** Values without contents, and sets: allowed by every policy. */
const BARE_TYPES = [
  "None", "boolean", "unicode", "decimal", "datetime", "time", "date", "timedelta", "set", "frozenset",
]; // prettier-ignore

/** What {@link SecurityPolicy.allowBasicTypes} adds. */
const BASIC_TYPES = ["dictionary", "list", "tuple", "reference", "dereference", "unpersistable", "persistent"];

/** What {@link SecurityPolicy.allowInstancesOf} adds. */
const INSTANCE_TYPES = ["instance", "class", "module"];

/** The names a policy allows; undefined for all names. */
interface Allowed {
  readonly types: ReadonlySet<string> | undefined;
  readonly modules: ReadonlySet<string> | undefined;
  readonly classes: ReadonlySet<string> | undefined;
}

/**
 * Which of the standard types a peer may send, and which modules and classes it may name. Whatever a policy allows, nothing that arrives is
 * imported, looked up or run: a name is a `PythonName`, an instance of a class that nobody registered an `UnknownCopy`. Types registered in
 * the `TypeRegistry` of a connection are allowed by that, under every policy.
 *
 * Immutable: each `allow…` and `refuse…` returns a new policy.
 */
export class SecurityPolicy {
  readonly #allowed: Allowed;

  private constructor(allowed: Allowed) {
    this.#allowed = allowed;
  }

  /** Text, numbers, bytes, times, decimals, sets; nothing else (a new `SecurityOptions()`). */
  static readonly bare: SecurityPolicy = new SecurityPolicy({
    types: new Set(BARE_TYPES),
    modules: new Set(),
    classes: new Set(),
  });

  /** Every standard type, nothing that names code. The default. */
  static readonly standard: SecurityPolicy = SecurityPolicy.bare.allowBasicTypes();

  /** All names. For tools that look at what a peer sends (`DummySecurityOptions`). */
  static readonly everything: SecurityPolicy = new SecurityPolicy({
    types: undefined,
    modules: undefined,
    classes: undefined,
  });

  /** Allows types by the word they have on the wire: `list`, `class`, `function`. */
  allowTypes(...names: string[]): SecurityPolicy {
    return new SecurityPolicy({ ...this.#allowed, types: united(this.#allowed.types, names) });
  }

  /** Takes types away, by the word they have on the wire. */
  refuseTypes(...names: string[]): SecurityPolicy {
    const { types } = this.#allowed;
    if (types === undefined) throw new TypeError("A policy that allows all names has none to take away");
    return new SecurityPolicy({ ...this.#allowed, types: new Set([...types].filter((name) => !names.includes(name))) });
  }

  /** Allows lists, tuples, dicts, references and what stands for an object that did not travel. */
  allowBasicTypes(): SecurityPolicy {
    return this.allowTypes(...BASIC_TYPES);
  }

  /** Allows names of modules, and of functions in them where the type `function` is allowed too. */
  allowModules(...names: string[]): SecurityPolicy {
    return new SecurityPolicy({ ...this.#allowed, modules: united(this.#allowed.modules, names) });
  }

  /** Allows classes by their full name, `shop.Invoice`, and their modules. */
  allowClasses(...names: string[]): SecurityPolicy {
    const policy = this.allowModules(...names.map(moduleOf));
    return new SecurityPolicy({ ...policy.#allowed, classes: united(policy.#allowed.classes, names) });
  }

  /** Allows instances of classes by their full name, and all that it takes to send them. */
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

  /** Whether a class may be named, and instances of it may arrive without being registered. */
  allowsClass(name: string): boolean {
    return this.allowsModule(moduleOf(name)) && (this.#allowed.classes?.has(name) ?? true);
  }
}

/** What stands before the last dot. */
export function moduleOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf(".")));
}

function united(set: ReadonlySet<string> | undefined, names: readonly string[]): ReadonlySet<string> | undefined {
  return set === undefined ? undefined : new Set([...set, ...names]);
}
