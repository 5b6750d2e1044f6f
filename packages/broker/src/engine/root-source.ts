// The object from which a peer starts.

import { describe } from "@pb/jelly-types";
import type { Callable, Connection } from "../calls/callable.js";
import { Referenceable } from "../flavors/referenceable.js";

/** The object from which a peer starts: a `Root`, a portal, or anything else that has an object for each connection. */
export interface RootSource {
  /** Called once for each connection, when it is ready and before the first call of the peer. */
  rootObject(connection: Connection): Callable;
  /**
   * Whether the peer has to log in. Transports limit the number of peers that have not logged in yet, and the time they
   * may take. Default false.
   */
  readonly requiresLogin?: boolean | undefined;
  /**
   * If peers have to log in: whether one that has logged in without a name counts as a user. Otherwise it shares the
   * memory of `strangersHeapBytes` with the peers that have not logged in, because any stranger can do the same.
   * Default false.
   */
  readonly trustsAnonymous?: boolean | undefined;
}

/** Throws `TypeError`, which tells what to pass instead, for anything that has no method `rootObject`. */
export function requireRootSource(root: unknown): void {
  if (typeof (root as Partial<RootSource> | null)?.rootObject !== "function")
    throw new TypeError(
      `The root must be a Root, a Portal or another object with a method rootObject: ${advice(root)}`,
    );
}

/** Throws `TypeError` unless the peer can call the object. `what` names it in the message. */
export function requireCallable(what: string, object: unknown): void {
  if (typeof (object as Partial<Callable> | null)?.receiveCall !== "function")
    throw new TypeError(
      `${what} must be a Referenceable or another object with a method receiveCall, not ${described(object)}`,
    );
}

/** A function that returns a promise, or the class instead of its instance, are the most likely mistakes. */
function described(object: unknown): string {
  if (object instanceof Promise) return "a promise: it cannot be async";
  return typeof object === "function" ? `the class ${object.name}: pass an instance` : describe(object);
}

/** Throws `TypeError` unless `name` is text. `what` describes it in the message. */
export function requireName(what: string, name: unknown): void {
  if (typeof name !== "string") throw new TypeError(`${what} must be text, not ${describe(name)}`);
}

function advice(root: unknown): string {
  if (typeof root === "function") return describeFunction(root);
  if (root instanceof Promise) return "this is a promise, await it first";
  if (root instanceof Referenceable) return "this is a Referenceable, let its class extend Root";
  if (typeof root === "object" && root !== null) return "this object has none, let its class extend Root";
  return `this is ${typeof root === "string" ? "a text" : String(root)}`;
}

function describeFunction({ name, prototype }: { readonly name: string; readonly prototype?: unknown }): string {
  const isClass = typeof (prototype as Partial<RootSource> | undefined)?.rootObject === "function";
  return isClass ? `this is the class ${name}, pass an instance: new ${name}()` : "this is a function";
}
