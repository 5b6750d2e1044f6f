// Objects that are copied each time they are sent (wire specification 5.7; `twisted.spread.flavors.Copyable`, `RemoteCopy`).

import { copyType, describe, JellyError, setOwnProperties } from "@pb/jelly-types";
import type { Class, TypeHandler } from "@pb/jelly-types";
import type { Perspective } from "../calls/callable.js";
import { Outgoing } from "../references/graph-context.js";

/**
 * An object of which the peer gets a copy, made of the state it shows to whoever is asking. The name it travels under is its class's
 * `static remoteType`, which the peer has registered for a class of its own.
 */
export abstract class Copyable {
  /** The name it travels under: ASCII. */
  getTypeToCopy(): string {
    return remoteTypeOf(this);
  }

  /** What the copy is made of, for `perspective`. Default: the own enumerable properties. */
  getStateToCopyFor(_perspective: Perspective): unknown {
    return Object.fromEntries(Object.entries(this));
  }
}

/** The `static remoteType` of an object's class. Throws `JELLY_NOT_JELLYABLE` where it has none. */
export function remoteTypeOf(value: object): string {
  const { remoteType } = value.constructor as { remoteType?: unknown };
  if (typeof remoteType === "string") return remoteType;
  throw new JellyError(
    "JELLY_NOT_JELLYABLE",
    `${describe(value)} has no name on the wire: give its class a static remoteType`,
  );
}

/** What arrives as a copy of a peer's object. The constructor does not run. */
export abstract class RemoteCopy {
  /** Takes the state that arrived. Default: its entries become own properties; no setter runs. */
  setCopyableState(state: unknown): void {
    setOwnProperties(this, state);
  }
}

/** Makes what a peer sends under `name` arrive as `type`: `types.register(remoteCopy("shop.Invoice", Invoice))`. */
export function remoteCopy<T extends RemoteCopy>(name: string, type: Class<T>): TypeHandler<T> {
  const handler = copyType(name, type, { setState: (instance, state) => instance.setCopyableState(state) });
  return { ...handler, classes: [] };
}

export const copyable: TypeHandler<Copyable> = {
  atoms: [],
  classes: [Copyable],
  subclasses: true,
  jelly(value, jellier) {
    const { context } = jellier;
    const state = value.getStateToCopyFor(context instanceof Outgoing ? context.perspective : null);
    jellier.writer.list(2);
    jellier.writer.word(value.getTypeToCopy());
    jellier.write(state);
  },
  unjelly() {
    throw new JellyError("JELLY_MALFORMED", "Nothing arrives as a Copyable: register a RemoteCopy");
  },
};
