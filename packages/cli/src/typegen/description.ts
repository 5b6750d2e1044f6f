// What `python/describe.py` prints: the classes of a Python program, as JSON.

/** A type of Python as it arrives. */
export type PythonType =
  | { readonly kind: "unknown"; readonly text?: string }
  | { readonly kind: "literal"; readonly of: string | number | boolean | null }
  | { readonly kind: "union" | "items"; readonly of: readonly PythonType[] }
  | { readonly kind: "list" | "tuple" | "set" | "frozenset" | "stream"; readonly of: PythonType }
  | { readonly kind: "dict"; readonly key: PythonType; readonly of: PythonType }
  /** The number of a class of the description. */
  | { readonly kind: "class"; readonly of: number }
  | { readonly kind: "reference" }
  | { readonly kind: "boolean" | "int" | "float" | "string" | "bytes" | "null" }
  | { readonly kind: "Decimal" | "DateTime" | "CalendarDate" | "TimeOfDay" | "TimeDelta" };

export interface PythonParameter {
  readonly name: string;
  /** `rest` is `*args`, `keyword` follows a `*`, and `keywords` is `**kwargs`. */
  readonly kind: "positional" | "rest" | "keyword" | "keywords";
  readonly type: PythonType;
  /** The default value as Python writes it. */
  readonly default?: string;
}

export interface PythonMethod {
  /** With its prefix. */
  readonly name: string;
  readonly doc: string;
  readonly parameters: readonly PythonParameter[];
  readonly result: PythonType;
  /** An `async def`. */
  readonly isCoroutine?: boolean;
}

interface ClassBase {
  readonly module: string;
  /** The qualified name, such as `Shop` or `Outer.Inner`. */
  readonly name: string;
  readonly doc: string;
  /** The names on the wire. Empty for what is sent as a reference. */
  readonly wires: readonly string[];
  /** Further names, which it has when its file is started as a program. */
  readonly aliases?: readonly string[];
}

/** A class whose objects are sent as references. */
export interface CalledClass extends ClassBase {
  readonly kind: "Referenceable" | "Viewable" | "Avatar";
  readonly methods: readonly PythonMethod[];
}

/** A class whose objects are copied, or a `TypedDict` (`record`). */
export interface CopiedClass extends ClassBase {
  readonly kind: "copy" | "record";
  readonly fields: readonly { readonly name: string; readonly type: PythonType; readonly isOptional: boolean }[];
  /** The state may have other fields. */
  readonly isOpen: boolean;
}

/** A `Cacheable`, with the methods of its copy that receive updates. */
export interface CachedClass extends ClassBase {
  readonly kind: "cache";
  readonly methods: readonly PythonMethod[];
}

export type PythonClass = CalledClass | CopiedClass | CachedClass;

export interface Description {
  readonly classes: readonly PythonClass[];
}
