// What a stock Twisted peer makes of a graph with cycles: it cannot read some, and loses attributes of others.
//
// Repeats what `twisted.spread.jelly._Unjellier` does. An object that is not complete is a `NotKnown` there. It may be
// an item, and is replaced later; it may not be a key, it may not be looked up again after it was completed, and a copy
// keeps it as it is, because `RemoteCopy` takes the entries of its state before they are replaced.

import type { Expression } from "@pb/banana";
import { JellyError } from "@pb/jelly-types";

/** An attribute of a copy that arrives as `_Dereference` or `_Tuple`, because it is or contains an enclosing object. */
export interface LostAttribute {
  /** The name of the class of the copy on the wire. */
  readonly type: string;
  readonly name: string;
}

/**
 * The attributes that a stock peer loses of a message. Throws `JELLY_NOT_JELLYABLE` with the path for a graph that it
 * cannot read.
 */
export function lostAttributes(message: Expression): LostAttribute[] {
  const [command, , ...rest] = message as Expression[];
  if (textOf(command) === "answer" || textOf(command) === "error") return new StockReader().readGraph(rest[0]!, "");
  const [args, kwargs] = rest.slice(3);
  return [...new StockReader().readGraph(args!, ".args"), ...new StockReader().readGraph(kwargs!, ".kwargs")];
}

/** An object that the peer has not completed. */
class NotKnown {
  isResolved = false;
  readonly dependants: ((value: Value) => void)[] = [];
}

/** A dict with the entries that are not complete, which matter where it is the state of a copy. */
class Dict {
  readonly incomplete: { readonly name: string; readonly value: NotKnown }[] = [];
}

/** Undefined for everything else. */
type Value = NotKnown | Dict | undefined;

/** Their elements are not values. */
const SCALARS: ReadonlySet<string> = new Set([
  "None", "boolean", "unicode", "decimal", "datetime", "date", "time", "timedelta", "persistent", "unpersistable",
  "remote", "local", "cached", "lcache", "class", "module", "function", "method",
]); // prettier-ignore

const latin1 = new TextDecoder("latin1");

class StockReader {
  readonly #references = new Map<Expression, Value>();
  readonly #steps: string[] = [];
  readonly #lost: LostAttribute[] = [];

  readGraph(graph: Expression, root: string): LostAttribute[] {
    this.#steps.push(root);
    if (this.#read(graph) instanceof NotKnown) this.#fail("the value itself would not be complete");
    return this.#lost;
  }

  #fail(why: string): never {
    const text = `Twisted cannot read this cycle: ${why}. Put a list between the objects, or send a reference`;
    throw new JellyError("JELLY_NOT_JELLYABLE", text).below(this.#steps.join(""));
  }

  #read(expression: Expression): Value {
    if (!Array.isArray(expression)) return undefined;
    const [head, ...items] = expression;
    const atom = textOf(head);
    if (SCALARS.has(atom)) return undefined;
    switch (atom) {
      case "list":
        items.forEach((item, index) => void this.#readInto(item, `[${index}]`));
        return undefined;
      case "tuple":
      case "set":
      case "frozenset":
        return this.#readContainer(items);
      case "dictionary":
        return this.#readDict(items as Expression[][]);
      case "reference":
        return this.#readReference(items[0]!, items[1]!);
      case "dereference":
        return this.#lookUp(items[0]!);
      default:
        this.#readCopy(atom, items.at(-1));
        return undefined;
    }
  }

  /** Reads a value into a place that can be replaced later. */
  #readInto(item: Expression, step: string, replace?: (value: Value) => void): Value {
    this.#steps.push(step);
    const value = this.#read(item);
    if (value instanceof NotKnown) this.#await(value, replace ?? ((later) => this.#requireKnown(later)));
    this.#steps.pop();
    return value;
  }

  #await(value: NotKnown, replace: (value: Value) => void): void {
    if (value.isResolved) this.#fail("a tuple or a set in it occurs again, outside of the cycle");
    value.dependants.push(replace);
  }

  #requireKnown(value: Value): void {
    if (value instanceof NotKnown) this.#fail("a tuple or a set is part of two cycles");
  }

  #readContainer(items: Expression[]): Value {
    const waiting = new Set<number>();
    const container = new NotKnown();
    const values = items.map((item, index) =>
      this.#readInto(item, `[${index}]`, (value) => {
        this.#requireKnown(value);
        waiting.delete(index);
        if (waiting.size === 0) this.#resolve(container, undefined);
      }),
    );
    values.forEach((value, index) => value instanceof NotKnown && !value.isResolved && waiting.add(index));
    if (!values.some((value) => value instanceof NotKnown)) return undefined;
    if (waiting.size === 0) this.#resolve(container, undefined);
    return container;
  }

  #readDict(entries: Expression[][]): Dict {
    const dict = new Dict();
    for (const [key, item] of entries) {
      const name = Array.isArray(key) ? textOf(key[1]) : textOf(key);
      if (this.#readInto(key!, `[a key]`) instanceof NotKnown) this.#fail("an object in it is a key");
      const value = this.#readInto(item!, `.${name}`);
      if (value instanceof NotKnown) dict.incomplete.push({ name, value });
    }
    return dict;
  }

  #readReference(id: Expression, expression: Expression): Value {
    const value = this.#read(expression);
    const announced = this.#references.get(id);
    this.#references.set(id, value);
    if (announced instanceof NotKnown) this.#resolve(announced, value);
    return value;
  }

  #lookUp(id: Expression): Value {
    if (!this.#references.has(id)) this.#references.set(id, new NotKnown());
    return this.#references.get(id);
  }

  #readCopy(type: string, state: Expression | undefined): void {
    const value = state === undefined ? undefined : this.#read(state);
    if (value instanceof NotKnown) this.#fail("the state of a copy is an object around it");
    if (!(value instanceof Dict)) return;
    for (const { name, value: part } of value.incomplete) if (!part.isResolved) this.#lost.push({ type, name });
  }

  #resolve(announced: NotKnown, value: Value): void {
    announced.isResolved = true;
    for (const replace of announced.dependants) replace(value);
  }
}

function textOf(expression: Expression | undefined): string {
  return expression instanceof Uint8Array ? latin1.decode(expression) : "";
}
