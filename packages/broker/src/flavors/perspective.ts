// Objects whose methods know the caller: avatars and views (wire specification 5.10).

import { madeBy } from "@pb/banana";
import type { PackageCopy } from "@pb/banana";
import { JellyError } from "@pb/jelly-types";
import type { TypeHandler } from "@pb/jelly-types";
import type { Callable, IncomingCall, Perspective } from "../calls/callable.js";
import { dispatch } from "../calls/dispatch.js";
import { outgoingGraph } from "../references/graph-context.js";
import { Referenceable, writeReference } from "./referenceable.js";
import { thisCopy } from "../this-copy.js";

/**
 * A user who has logged in, with the `perspective_` methods it may call (`twisted.spread.pb.Avatar`). Results are
 * written for the avatar.
 */
export abstract class Avatar {
  /** For the compiler only: no other class, interface or literal has the type of this class. */
  declare private readonly brand: "Avatar";

  /** Runs a method for the peer (`perspectiveMessageReceived` of Twisted). */
  receiveCall(call: IncomingCall): unknown {
    return dispatch(this, "perspective_", call);
  }

  /**
   * @internal What a call of this name is passed on to, for the hooks of the option `telemetry`: the name of another
   * object, that object if it is in this process, and its method. For avatars that stand for several objects.
   */
  passedOn?(name: string): PassedCall | undefined;

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}

/** A call that an avatar passes on. */
export interface PassedCall {
  readonly name: string;
  readonly object: Callable | undefined;
  readonly method: string;
}

/** An object to which calls can be forwarded. */
export interface CallReceiver {
  receiveCall(call: IncomingCall): unknown;
}

/**
 * Makes an object that is not a Referenceable, such as an avatar, callable (`twisted.spread.flavors._ReferenceableMap`,
 * `pb.AsReferenceable`).
 */
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

/** Makes an avatar callable that was sent itself: when the peer sends it back, it arrives as the avatar. */
class AvatarReferenceable extends AsReferenceable {
  override get home(): object {
    return this.object;
  }
}

/**
 * An object that several avatars use (`twisted.spread.flavors.Viewable`). Its `view_` methods receive the perspective
 * of the caller as their first argument. Each avatar to which it is sent gets its own reference.
 */
export abstract class Viewable {
  readonly #viewPoints = new WeakMap<object, ViewPoint>();

  /** The object as one perspective sees it. Returns the same view point for the same perspective. */
  viewPointFor(perspective: object): ViewPoint {
    let viewPoint = this.#viewPoints.get(perspective);
    if (viewPoint === undefined) this.#viewPoints.set(perspective, (viewPoint = new ViewPoint(perspective, this)));
    return viewPoint;
  }

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}

/**
 * A Viewable and one perspective on it (`twisted.spread.flavors.ViewPoint`). A view that the peer sends back arrives as
 * a view point.
 */
export class ViewPoint extends Referenceable {
  /** The object with the `view_` methods. */
  readonly object: object;
  override readonly perspective: Perspective;

  constructor(perspective: Perspective, object: object) {
    super();
    this.perspective = perspective;
    this.object = object;
  }

  override receiveCall(call: IncomingCall): unknown {
    return dispatch(this.object, "view_", call, [this.perspective]);
  }
}

export const viewableHandler: TypeHandler<Viewable> = {
  atoms: [],
  classes: [Viewable],
  subclasses: true,
  identity: false,
  jelly(object, jellier) {
    const { perspective } = outgoingGraph(jellier, object);
    if (perspective === null)
      throw new JellyError("JELLY_NOT_JELLYABLE", "A Viewable can be sent only to a peer that has logged in");
    jellier.write(object.viewPointFor(perspective));
  },
};

export const avatarHandler: TypeHandler<Avatar> = {
  atoms: [],
  classes: [Avatar],
  subclasses: true,
  identity: false,
  jelly: (avatar, jellier) => writeReference(jellier, avatar, new AvatarReferenceable(avatar)),
};
