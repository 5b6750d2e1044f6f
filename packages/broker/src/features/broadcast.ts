// One call to many targets.

import { describe } from "@pb/jelly-types";
import { CacheObserver } from "../flavors/cacheable.js";
import { RemoteReference } from "../flavors/remote-reference.js";
import type { RemoteArguments, RemoteName } from "../flavors/call-types.js";
import type { Reference } from "../flavors/remote-reference.js";
import { SharedArguments } from "../references/shared-arguments.js";

/** A {@link CacheObserver} or a reference: the members from which the compiler infers `T` fastest. */
type Target<T> = Pick<Reference<T>, "with" | "isAlive">;

/**
 * Calls a method of many objects without answers, like `sendRemote` on each of them, but writes the arguments only
 * once. Arguments that contain a `Copyable` are written once per perspective, and arguments that contain references or
 * caches once per connection.
 *
 * Dead targets are skipped. When the call cannot be sent to some targets, the others still get it, and then `broadcast`
 * throws: the error of `sendRemote` when no target got the call, an `AggregateError` when some did. Throws `TypeError`
 * for targets that are neither references nor observers.
 */
export function broadcast<T, Name extends RemoteName<T>>(
  targets: Iterable<Target<T>>,
  name: Name,
  ...args: RemoteArguments<T, Name>
): void {
  const shared = new SharedArguments();
  const errors: unknown[] = [];
  let sent = 0;
  if (typeof (targets as Partial<Iterable<unknown>> | null)?.[Symbol.iterator] !== "function")
    throw new TypeError("The targets of broadcast must be a list or a set of references or observers");
  // A copy, because a state hook may add a target: that target gets the current state anyway.
  const all = Array.from(targets as Iterable<CacheObserver | Reference>);
  let left = all.length;
  for (const target of all) {
    requireTarget(target);
    shared.isLast = --left === 0;
    if (!target.isAlive) continue;
    try {
      if (target instanceof RemoteReference || target instanceof CacheObserver) target.sendShared(shared, name, args);
      else target.sendRemote<string>(name, ...(args as unknown[]));
      sent++;
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length === 0) return;
  if (sent === 0) throw errors[0];
  throw new AggregateError(errors, `${errors.length} of ${sent + errors.length} targets could not be called`);
}

/** An entry of a map, for example, would be skipped as if it were dead. */
function requireTarget(target: unknown): void {
  if (typeof (target as { readonly sendRemote?: unknown } | null)?.sendRemote !== "function")
    throw new TypeError(`broadcast calls references and observers, not ${describe(target)}`);
}
