// What a call of the peer calls, by names that this program has given: the class of the object, and the method.

import { classOf } from "@pb/jelly-types";
import type { Callable, IncomingCall, Perspective } from "../calls/callable.js";
import { hasMethod } from "../calls/dispatch.js";
import type { Start } from "../calls/telemetry.js";
import { AsReferenceable, Avatar, ViewPoint } from "./perspective.js";
import { Referenceable } from "./referenceable.js";

/** A callable in the place of the result of a call. */
export abstract class ResultTarget implements Callable {
  /** The object that is the result. Undefined as long as it is not known, and if the call has failed. */
  abstract readonly target: Callable | undefined;
  abstract readonly perspective: Perspective;
  abstract readonly home: object;
  abstract receiveCall(call: IncomingCall): unknown;
}

/** The object behind a callable, and the prefix of its methods. */
function calledObject(callable: object, isCache: boolean): [object: object, prefix: string | undefined] {
  if (isCache) return [callable, "observe_"];
  if (callable instanceof AsReferenceable) return calledObject(callable.object, false);
  if (callable instanceof ViewPoint) return [callable.object, "view_"];
  if (callable instanceof Avatar) return [callable, "perspective_"];
  if (!(callable instanceof Referenceable)) return [callable, undefined];
  const { home } = callable;
  // The session of a login stands for its avatar.
  const standsFor = home !== callable && (home instanceof Avatar || home instanceof Referenceable);
  return standsFor ? calledObject(home, false) : [callable, "remote_"];
}

/**
 * Undefined for a result that is not known. The method is undefined where the object does not have it, or decides
 * itself what to do with a name.
 */
export function calledMethod(callable: Callable, name: string, isCache = false): Start | undefined {
  if (callable instanceof ResultTarget)
    return callable.target === undefined ? undefined : calledMethod(callable.target, name);
  const [object, prefix] = calledObject(isCache ? callable.home : callable, isCache);
  const { perspective } = callable;
  const passed = object instanceof Avatar ? object.passedOn?.(name) : undefined;
  if (passed !== undefined) {
    const called = passed.object && calledMethod(passed.object, passed.method);
    return { perspective, type: passed.name, method: called?.method };
  }
  const type = classOf(object);
  return {
    perspective,
    type: typeof type === "function" ? type.name : undefined,
    method: prefix !== undefined && hasMethod(object, prefix, name) ? name : undefined,
  };
}
