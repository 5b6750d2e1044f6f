// Objects that stay at this end; the peer gets a reference and calls their `remote_` methods (wire specification 5.4,
// 5.5).

import { madeBy } from "@pb/banana";
import type { PackageCopy } from "@pb/banana";
import type { JellyWriter, TypeHandler } from "@pb/jelly-types";
import type { Callable, Connection, IncomingCall, Perspective } from "../calls/callable.js";
import { dispatch } from "../calls/dispatch.js";
import { outgoingGraph } from "../references/graph-context.js";
import { thisCopy } from "../this-copy.js";

/**
 * An object that stays at this end (`twisted.spread.flavors.Referenceable`). A peer to which it is sent gets a
 * reference, and can call its `remote_` methods, which may be async. When the peer sends the reference back, it arrives
 * as this object.
 */
export abstract class Referenceable implements Callable {
  /** For the compiler only: no other class, interface or literal has the type of this class. */
  declare private readonly brand: "Referenceable";

  /** The perspective for which results are written. Null, unless a flavor defines one. */
  readonly perspective: Perspective = null;

  get home(): object {
    return this;
  }

  /** Runs a method for the peer. Override it to handle calls differently (`remoteMessageReceived` of Twisted). */
  receiveCall(call: IncomingCall): unknown {
    return dispatch(this, "remote_", call);
  }

  /** Called once per connection, when the peer has released its last reference or the connection has ended. */
  unreferenced(_connection: Connection): void {}

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}

/** A Referenceable with which a connection starts (`twisted.spread.pb.Root`). */
export abstract class Root extends Referenceable {
  /** The root object for one connection. Default: this object. */
  rootObject(_connection: Connection): Callable {
    return this;
  }
}

/** Writes `(remote id)` for an object that is known by `key` when it is sent again. */
export function writeReference(jellier: JellyWriter, key: object, target: Callable): void {
  const id = outgoingGraph(jellier, key).exportReference(key, target);
  jellier.writer.list(2);
  jellier.writer.word("remote");
  jellier.writer.integer(id);
}

export const referenceableHandler: TypeHandler<Referenceable> = {
  atoms: [],
  classes: [Referenceable],
  subclasses: true,
  identity: false,
  jelly: (object, jellier) => writeReference(jellier, object, object),
};
