// Objects the peer gets a reference to: `remote_` methods (wire specification 5.4, 5.5).

import { JellyError } from "@pb/jelly-types";
import type { TypeHandler } from "@pb/jelly-types";
import type { Callable, Connection, IncomingCall, Perspective } from "../calls/callable.js";
import { outgoing } from "../references/graph-context.js";
import { bindArguments, findMethod } from "../calls/dispatch.js";

/**
 * An object that stays here: who it is sent to gets a reference, and can call its `remote_` methods. Sent back, it arrives as itself.
 * Methods may be async.
 */
export abstract class Referenceable implements Callable {
  /** For whom results are written: nobody in particular, unless a flavour says so. */
  readonly perspective: Perspective = null;

  get home(): object {
    return this;
  }

  /** Runs a method for the peer. Override it to answer calls in another way (`remoteMessageReceived` of Twisted). */
  receiveCall({ method, args, kwargs }: IncomingCall): unknown {
    const found = findMethod(this, "remote_", method);
    return Reflect.apply(found, this, bindArguments(this, method, args, kwargs));
  }

  /** The peer of this connection holds it no more: it has given back the last reference, or the connection is over. Called once for that. */
  unreferenced(_connection: Connection): void {}
}

/** A Referenceable that a connection starts from (`twisted.spread.pb.Root`). */
export abstract class Root extends Referenceable {
  /** The object for one connection: by default this one. */
  rootObject(_connection: Connection): Callable {
    return this;
  }
}

export const referenceable: TypeHandler<Referenceable> = {
  atoms: [],
  classes: [Referenceable],
  subclasses: true,
  identity: false,
  jelly(value, jellier) {
    const id = outgoing(jellier, value).give(value, value);
    jellier.writer.list(2);
    jellier.writer.word("remote");
    jellier.writer.integer(id);
  },
  unjelly() {
    throw new JellyError("JELLY_MALFORMED", "Nothing arrives as a Referenceable");
  },
};
