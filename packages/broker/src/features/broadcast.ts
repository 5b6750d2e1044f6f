// One call to many.

import { CacheObserver } from "../flavors/cacheable.js";
import { RemoteReference } from "../flavors/remote-reference.js";
import type { Reference, RemoteArguments, RemoteName } from "../flavors/remote-reference.js";
import { SharedArguments } from "../references/shared-arguments.js";

/**
 * Calls a method of many objects, without wanting answers: what `sendRemote` does with each, for the price of writing the arguments once.
 * Arguments are written again only for another perspective, where they contain something that shows itself to each in its own way (a
 * `Copyable`), and for each connection, where they contain objects that stay here.
 *
 * Targets that are dead are passed over, and trouble with one does not keep the message from the others: then it throws, at the end, what
 * `sendRemote` would throw; an `AggregateError` when some could be told and some not.
 */
export function broadcast(targets: Iterable<CacheObserver>, name: string, ...args: unknown[]): void;
export function broadcast<T, Name extends RemoteName<T>>(
  targets: Iterable<Reference<T>>,
  name: Name,
  ...args: RemoteArguments<T, Name>
): void;
export function broadcast(targets: Iterable<CacheObserver | Reference>, name: string, ...args: unknown[]): void {
  const shared = new SharedArguments();
  const errors: unknown[] = [];
  let told = 0;
  // Whom a state hook adds meanwhile gets the state as it is then.
  for (const target of Array.from(targets)) {
    if (!target.isAlive) continue;
    try {
      if (target instanceof RemoteReference || target instanceof CacheObserver) target.sendShared(shared, name, args);
      else target.sendRemote(name, ...args);
      told++;
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length === 0) return;
  if (told === 0) throw errors[0];
  throw new AggregateError(errors, `${errors.length} of ${told + errors.length} could not be told`);
}
