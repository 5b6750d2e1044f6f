// Objects whose methods learn who is calling: avatars, and what they show to each of them (wire specification 5.10).

import { JellyError } from "@pb/jelly-types";
import type { TypeHandler } from "@pb/jelly-types";
import type { IncomingCall, Perspective } from "../calls/callable.js";
import { outgoing } from "../references/graph-context.js";
import { bindArguments, findMethod } from "../calls/dispatch.js";
import { Referenceable } from "./referenceable.js";

/** What somebody who logged in can do: `perspective_` methods (`twisted.spread.pb.Avatar`). Results are written for the avatar. */
export abstract class Avatar {
  /** Runs a method for the peer (`perspectiveMessageReceived` of Twisted). */
  receiveCall({ method, args, kwargs }: IncomingCall): unknown {
    const found = findMethod(this, "perspective_", method);
    return Reflect.apply(found, this, bindArguments(this, method, args, kwargs));
  }
}

/** An object that calls can be passed on to. */
export interface CallReceiver {
  receiveCall(call: IncomingCall): unknown;
}

/** A reference to an object that is none itself, such as an avatar (`twisted.spread.flavors._ReferenceableMap`, `pb.AsReferenceable`). */
export class AsReferenceable extends Referenceable {
  readonly object: CallReceiver;
  override readonly perspective: object;

  constructor(object: CallReceiver) {
    super();
    this.object = object;
    this.perspective = object;
  }

  override receiveCall(call: IncomingCall): unknown {
    return this.object.receiveCall(call);
  }
}

/**
 * An object that different avatars see: its `view_` methods get the perspective of the caller first. Each avatar that is handed it gets a
 * reference of its own.
 */
export abstract class Viewable {
  readonly #points = new WeakMap<object, ViewPoint>();

  /** This object as one perspective sees it: always the same for the same one. */
  viewPointFor(perspective: object): ViewPoint {
    let point = this.#points.get(perspective);
    if (point === undefined) this.#points.set(perspective, (point = new ViewPoint(perspective, this)));
    return point;
  }
}

/** A Viewable and who is looking (`twisted.spread.flavors.ViewPoint`). What a view's reference brings home. */
export class ViewPoint extends Referenceable {
  /** What is looked at: something with `view_` methods. */
  readonly object: object;
  override readonly perspective: Perspective;

  constructor(perspective: Perspective, object: object) {
    super();
    this.perspective = perspective;
    this.object = object;
  }

  override receiveCall({ method, args, kwargs }: IncomingCall): unknown {
    const found = findMethod(this.object, "view_", method);
    const bound = bindArguments(this.object, method, args, kwargs);
    return Reflect.apply(found, this.object, [this.perspective, ...bound]);
  }
}

export const viewable: TypeHandler<Viewable> = {
  atoms: [],
  classes: [Viewable],
  subclasses: true,
  identity: false,
  jelly(value, jellier) {
    const { perspective } = outgoing(jellier, value);
    if (perspective === null)
      throw new JellyError("JELLY_NOT_JELLYABLE", "A Viewable can be sent only where somebody has logged in");
    jellier.write(value.viewPointFor(perspective));
  },
  unjelly() {
    throw new JellyError("JELLY_MALFORMED", "Nothing arrives as a Viewable");
  },
};

export const avatar: TypeHandler<Avatar> = {
  atoms: [],
  classes: [Avatar],
  subclasses: true,
  identity: false,
  jelly(value, jellier) {
    const out = outgoing(jellier, value);
    const id = out.give(value, new AsReferenceable(value));
    jellier.writer.list(2);
    jellier.writer.word("remote");
    jellier.writer.integer(id);
  },
  unjelly() {
    throw new JellyError("JELLY_MALFORMED", "Nothing arrives as an Avatar");
  },
};
