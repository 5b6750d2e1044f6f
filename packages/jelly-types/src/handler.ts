// How one kind of value travels, and what a handler sees of the work it is part of.

import type { Expression, ExpressionReader, ExpressionWriter } from "@pb/banana";
import type { SecurityPolicy } from "./policy.js";

/** A class, abstract or not. */
export type Class<T = unknown> = abstract new (...args: never) => T;

/** Both directions of one kind of value. Handlers hold no state: one serves any number of connections at a time. */
export interface TypeHandler<T = unknown> {
  /** The words on the wire that this handler reads. Empty for a handler that only writes. */
  readonly atoms: readonly string[];
  /** The classes whose instances this handler writes. Empty for a handler that only reads. */
  readonly classes: readonly Class<T>[];
  /** Whether instances of subclasses are written too. Default false: a subclass nobody registered is an error, not a silent slice. */
  readonly subclasses?: boolean;
  /** Whether an object met twice must arrive as one object. Default true. False for values that are equal when they look equal. */
  readonly identity?: boolean;
  /** Whether values contain no others, so that they need no identity and do not count as nesting. Default false. */
  readonly isScalar?: boolean;
  /** Writes one whole s-expression. */
  jelly(value: T, jellier: JellyWriter): void;
  /** Reads the `items` elements behind the atom, all of them. */
  unjelly(unjellier: JellyReader, items: number, atom: string): unknown;
}

/** A graph being written. */
export interface JellyWriter {
  /** Where it goes. */
  readonly writer: ExpressionWriter;
  /** What the floor above gave along: the broker's connection and perspective. Undefined in a plain `jelly()`. */
  readonly context: unknown;
  /** What names of Python's may be written. */
  readonly policy: SecurityPolicy;
  /** Writes any value. */
  write(value: unknown): void;
  /** Writes the own enumerable properties of an object as a dict: a state that is not an object of its own. */
  writeProperties(object: object): void;
  /** Throws `JELLY_UNHASHABLE` for what cannot be a dict key or a set member in Python. */
  requireHashable(value: unknown): void;
  /** If this graph has `value` already: writes a dereference and returns true. For handlers with `identity: false` that decide themselves. */
  repeat(value: object): boolean;
  /** Says that `value` is about to be written here, so that {@link repeat} can refer to it. */
  begin(value: object): void;
}

/** A graph being read. */
export interface JellyReader {
  /** Where it comes from. Handlers read the elements that are theirs, no more and no fewer. */
  readonly reader: ExpressionReader;
  readonly context: unknown;
  readonly exactness: Exactness;
  readonly policy: SecurityPolicy;
  /** Reads any value. The result may be a placeholder: see {@link isPending}. */
  read(): unknown;
  /** Reads the `items` elements that come next as those behind another atom. */
  readAs(atom: string, items: number): unknown;
  /** The program's hook for `(persistent id)`. */
  readonly persistentLoad: ((id: Expression) => unknown) | undefined;
  /** Makes a new container known under its reference id, before its contents are read, so that they can refer to it. */
  register(container: object): void;
  /** As {@link register}, for an instance that shows nothing of what it is made of until {@link readState} has called back. */
  registerBlank(instance: object): void;
  /** Reads a value and hands it over as soon as nothing is missing in it: at once, or when the graph is read; inner states first. */
  readState(use: (state: unknown) => void): void;
  /**
   * Reads a value and returns what `make` makes of it; if something is missing in it, returns a placeholder and makes it when the graph is
   * read. Throws `JELLY_UNRESOLVED_REFERENCE` then if the value contains what is made of it.
   */
  readMade(make: (state: unknown) => unknown): unknown;
  /** Throws `JELLY_UNHASHABLE` for what cannot be a dict key or a set member; later, if that only turns out later. */
  requireHashable(value: unknown): void;
  /** Passes over that many elements. */
  skip(items: number): void;
  /** Whether `value` stands for an object that has not arrived yet. Put it where it belongs all the same, and ask for {@link whenResolved}. */
  isPending(value: unknown): boolean;
  /** Calls `patch` with the object that `placeholder` stands for, as soon as it is there. */
  whenResolved(placeholder: unknown, patch: (value: unknown) => void): void;
  /** Whether objects are missing that something read before refers to. */
  readonly isIncomplete: boolean;
  /** Calls `action` when the whole graph is read and every state is in its place. */
  afterwards(action: () => void): void;
}

/** How to read what JavaScript would blur. For relays that must send on exactly what they received. */
export interface Exactness {
  /** `number`: a number when safe, else a bigint. `bigint`: always a bigint. Default `number`. */
  readonly integers: "number" | "bigint";
  /** `number`: a number. `exact`: a `Float` where a number would be sent on as an integer. Default `number`. */
  readonly floats: "number" | "exact";
  /** `object`: an object without prototype when every key is text, else a `Map`. `map`: always a `Map`. Default `object`. */
  readonly dicts: "object" | "map";
}

export const defaultExactness: Exactness = Object.freeze({ integers: "number", floats: "number", dicts: "object" });
