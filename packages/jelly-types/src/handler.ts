// `TypeHandler`, which defines how a type is written and read, and the interfaces that a handler writes to and reads
// from.

import type { Expression, ExpressionReader, ExpressionWriter, HeapAllowance, Steps } from "@pb/banana";
import { withDefaults } from "./options.js";
import type { Given } from "./options.js";
import type { SecurityPolicy } from "./policy.js";

/** A class, abstract or not. */
export type Class<T = unknown> = abstract new (...args: never) => T;

/**
 * How values of one type are written and read. A type that travels in one direction only has a handler with one of
 * `jelly` and `unjelly`. A handler keeps no state: any number of connections may use it at the same time.
 */
export interface TypeHandler<T = unknown> {
  /** The atoms of the lists that {@link unjelly} reads. Empty for a handler that only writes. */
  readonly atoms: readonly string[];
  /** The classes whose instances {@link jelly} writes. Empty for a handler that only reads. */
  readonly classes: readonly Class<T>[];
  /**
   * Whether instances of subclasses are written too. Default false: writing an instance of an unregistered subclass
   * throws.
   */
  readonly subclasses?: boolean;
  /**
   * Whether an object that occurs twice in a graph must arrive as one object. Default true. False for values without
   * identity.
   */
  readonly identity?: boolean;
  /**
   * Whether values contain no other values, so that they need no identity and do not count as nesting. Default false.
   */
  readonly isScalar?: boolean;
  /**
   * A form of data that this handler reads in addition, and that no peer has to know: at most 40 characters `A-Z a-z
   * 0-9 _ -`. A broker names it to its peer at the start of a connection. Default: none.
   */
  readonly form?: string;
  /** Writes one whole s-expression. Required when there are {@link classes}. */
  jelly?(value: T, jellier: JellyWriter): void;
  /** Reads the `items` elements that follow the atom, all of them. Required when there are {@link atoms}. */
  unjelly?(unjellier: JellyReader, items: number, atom: string): unknown;
  /**
   * As {@link unjelly}, with pauses, for a handler that reads other values. It is called in place of `unjelly` for a
   * list of more than 16 KiB in a message. Without it, the process does nothing else while such a list is read.
   */
  unjellyInSteps?(unjellier: JellyStepReader, items: number, atom: string): Steps<unknown>;
}

/** A handler that can write. */
export interface WritingHandler<T = unknown> extends TypeHandler<T> {
  jelly(value: T, jellier: JellyWriter): void;
}

/** A handler that can read. */
export interface ReadingHandler<T = unknown> extends TypeHandler<T> {
  unjelly(unjellier: JellyReader, items: number, atom: string): unknown;
}

/** The graph that is being written, as a handler sees it. */
export interface JellyWriter {
  /** Receives the s-expressions. */
  readonly writer: ExpressionWriter;
  /**
   * The value that the caller passed for this graph: in the broker, the connection and the perspective. Undefined in
   * `jelly()`.
   */
  readonly context: unknown;
  /** Which Python names may be written. */
  readonly policy: SecurityPolicy;
  /** Writes any value. */
  write(value: unknown): void;
  /** Writes the own enumerable properties of an object as a dict. The dict has no identity: nothing can refer to it. */
  writeProperties(object: object): void;
  /**
   * Throws `JELLY_TOO_DEEP` unless so many lists, dicts and instances may be nested inside each other at this place.
   * For handlers that write such values without {@link write}.
   */
  requireDepth(levels: number): void;
  /** Throws `JELLY_UNHASHABLE` for a value that cannot be a dict key or a set member in Python. */
  requireHashable(value: unknown): void;
  /**
   * Writes a dereference and returns true when this graph contains `value` already. For handlers with `identity: false`
   * that decide for each object.
   */
  repeat(value: object): boolean;
  /** Records that `value` is written next, so that {@link repeat} can refer to it. */
  begin(value: object): void;
}

/** The graph that is being read, as a handler sees it. */
export interface JellyReader {
  /** The source. A handler reads exactly the elements that belong to its list. */
  readonly reader: ExpressionReader;
  /** The value that the caller passed for this graph, as in {@link JellyWriter.context}. */
  readonly context: unknown;
  readonly exactness: Exactness;
  readonly policy: SecurityPolicy;
  /** Reads any value. The result may be a placeholder: see {@link isPending}. */
  read(): unknown;
  /** Reads the next element as UTF-8 text. */
  readText(): string;
  /** Reads the next `items` elements as those that follow `atom`. */
  readAs(atom: string, items: number): unknown;
  /** The application's hook for `(persistent id)`. */
  readonly persistentLoad: ((id: Expression) => unknown) | undefined;
  /**
   * Makes a new container available under its reference id. Call it before reading the contents, which may refer to the
   * container.
   */
  register(container: object): void;
  /** As {@link register}, for an instance that stays empty until {@link readState} has called back. */
  registerBlank(instance: object): void;
  /**
   * Reads a state and passes it to `use` when it is complete: at once, or when the whole graph is read. Inner states
   * come first.
   *
   * With `hasNames`, the keys of the state are names of attributes, which old peers, in the style of Python 2, send as
   * byte strings. These are read as text if all other keys are text too, and nothing else in the graph refers to the
   * state. Default false.
   */
  readState(use: (state: unknown) => void, hasNames?: boolean): void;
  /**
   * Reads a state and returns what `make` returns for it. When the state is incomplete, returns a placeholder and calls
   * `make` when the graph is read; throws `JELLY_UNRESOLVED_REFERENCE` then if the state contains the object that is
   * made of it. `hasNames` is that of {@link readState}.
   */
  readMade(make: (state: unknown) => unknown, hasNames?: boolean): unknown;
  /**
   * Throws `JELLY_UNHASHABLE` for a value that cannot be a dict key or a set member. An incomplete value is checked
   * when the graph is read.
   */
  requireHashable(value: unknown): void;
  /**
   * Call before creating a value that takes so many bytes of memory, apart from the values that {@link read} returns.
   * Throws when the graph takes more memory than it may.
   */
  charge(bytes: number): void;
  /** As {@link charge}, for memory that is free again when the graph is read. */
  chargeTransient(bytes: number): void;
  /** The memory that the graph may still take. Pass it to `readExpression`. */
  readonly heap: HeapAllowance;
  /** Skips that many elements. */
  skip(items: number): void;
  /**
   * Whether `value` is a placeholder for an object that is not read yet. Store it as usual, and replace it in {@link
   * whenResolved}.
   */
  isPending(value: unknown): boolean;
  /** Calls `patch` with the object that `placeholder` stands for, as soon as that object is read. */
  whenResolved(placeholder: unknown, patch: (value: unknown) => void): void;
  /** Calls `action` when the whole graph is read and all states are applied. */
  afterwards(action: () => void): void;
  /**
   * Reports the entries of a state that `setOwnProperties` has dropped. `type` is the name of the class on the wire.
   * Call it when the state of `instance` is set.
   */
  reportDropped(type: string, instance: object): void;
  /** Reports an object that the peer could not send. `reason` is the text of the peer. */
  reportUnpersistable(reason: string): void;
}

/** The graph that is being read in steps, as {@link TypeHandler.unjellyInSteps} sees it. */
export interface JellyStepReader extends JellyReader {
  /** Whether the next element is a list of more than 16 KiB: {@link read} would read it without a pause. */
  isLong(): boolean;
  /** As {@link read}, with pauses. It is slower for an element that is not long. */
  readInSteps(): Steps<unknown>;
  /** As {@link readAs}, with pauses. */
  readAsInSteps(atom: string, items: number): Steps<unknown>;
  /** As {@link readState}, with pauses: also in `use`, if it returns steps. */
  readStateInSteps(use: (state: unknown) => Steps<void> | undefined, hasNames?: boolean): Steps<void>;
  /** As {@link readMade}, with pauses. */
  readMadeInSteps(make: (state: unknown) => unknown, hasNames?: boolean): Steps<unknown>;
  /** As {@link skip}, with pauses. */
  skipInSteps(items: number): Steps<void>;
  /** Whether 16 KiB were read since the last pause, or this was called 1,024 times: yield now. */
  endsStep(): boolean;
}

/** How to read values that JavaScript cannot tell apart. For relays that must send exactly what they received. */
export interface Exactness {
  /** `number`: a number when safe, else a bigint. `bigint`: always a bigint. Default `number`. */
  readonly integers: "number" | "bigint";
  /** `number`: a number. `exact`: a `Float` where a number would be written as an integer. Default `number`. */
  readonly floats: "number" | "exact";
  /**
   * `object`: an object without a prototype when every key is text, else a `Map`. `map`: always a `Map`. Default
   * `object`.
   */
  readonly dicts: "object" | "map";
}

const defaultExactness: Exactness = Object.freeze({ integers: "number", floats: "number", dicts: "object" });

/** The defaults, with the options that are given in their place. Throws `TypeError` for any other word. */
export function completeExactness(given: Given<Exactness> = {}): Exactness {
  const accepted = { integers: ["number", "bigint"], floats: ["number", "exact"], dicts: ["object", "map"] };
  return withDefaults("option", defaultExactness, given, accepted);
}
