// Objects that are copied each time they are sent (wire specification 5.7; `twisted.spread.flavors.Copyable`,
// `RemoteCopy`).

import { madeBy } from "@pb/banana";
import type { PackageCopy } from "@pb/banana";
import { classOf, copyType, describe, JellyError, requireState, sentTypeName, setOwnProperties } from "@pb/jelly-types";
import type { Class, TypeHandler } from "@pb/jelly-types";
import type { Perspective } from "../calls/callable.js";
import { OutgoingGraph } from "../references/graph-context.js";
import { thisCopy } from "../this-copy.js";

/**
 * An object that the peer gets a copy of, made from the state that the object shows to its perspective. It is sent
 * under the name in the `static remoteType` of its class, for which the peer has registered a class of its own.
 */
export abstract class Copyable {
  /** The name under which it is sent: ASCII. Default: `static remoteType`. */
  getTypeToCopy(): string {
    return remoteTypeOf(this);
  }

  /** The state of the copy for `perspective`. Default: the own enumerable properties. */
  getStateToCopyFor(_perspective: Perspective): unknown {
    return Object.fromEntries(Object.entries(this));
  }

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}

/** The `static remoteType` of the class of an object. Throws `JELLY_NOT_JELLYABLE` when it has none. */
export function remoteTypeOf(value: object): string {
  const { remoteType } = classOf(value) as { remoteType?: unknown };
  if (typeof remoteType === "string") return remoteType;
  throw new JellyError(
    "JELLY_NOT_JELLYABLE",
    `${describe(value)} has no name on the wire: give its class a static remoteType`,
  );
}

/** The base class of received copies. Their constructor does not run. */
export abstract class RemoteCopy {
  /**
   * Sets the received state. Default: its entries become own properties, except those with the name of a method or an
   * accessor of the class. No setter runs.
   */
  setCopyableState(state: unknown): void {
    setOwnProperties(this, state);
  }

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}

/**
 * Receives what a peer sends under `name` as an instance of `type`: `types.register(remoteCopy("shop.Invoice",
 * Invoice))`.
 */
export function remoteCopy<T extends RemoteCopy>(name: string, type: Class<T>): TypeHandler<T> {
  const setState = (instance: T, state: object): void => instance.setCopyableState(state);
  // The default of `copyType` is that of a `RemoteCopy`, and counts the memory of the properties.
  const isDefault = setterOf(type.prototype as RemoteCopy) === setterOf(RemoteCopy.prototype);
  return { ...copyType(name, type, isDefault ? {} : { setState }), classes: [] };
}

/** The method that sets the state, without its object. */
const setterOf = (prototype: RemoteCopy): unknown => Reflect.get(prototype, "setCopyableState");

export const copyableHandler: TypeHandler<Copyable> = {
  atoms: [],
  classes: [Copyable],
  subclasses: true,
  jelly(object, jellier) {
    const { context } = jellier;
    const graph = context instanceof OutgoingGraph ? context : undefined;
    const state = object.getStateToCopyFor(graph === undefined ? null : graph.perspective);
    const type = sentTypeName(object.getTypeToCopy());
    if (graph !== undefined) graph.sentType = type;
    jellier.writer.list(2);
    jellier.writer.word(type);
    jellier.write(requireState("getStateToCopyFor", object, state));
  },
};
