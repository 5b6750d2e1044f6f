// References and caches in the arguments of a call that is written later: they can be sent although they are released
// before that, because their release is sent after the call.

import { RemoteReference } from "../flavors/remote-reference.js";
import type { ConnectionContext } from "../references/graph-context.js";
import { partsOf } from "../references/mentioned-caches.js";
import type { ObjectId } from "../wire/messages.js";

/**
 * The ids of the references and caches in `value`, also in arrays, dicts and sets. A getter or a trap of a proxy may
 * throw: its object is skipped here, and refused when it is written.
 */
export function pinReferences(value: unknown, context: ConnectionContext): ReadonlyMap<object, ObjectId> {
  const pinned = new Map<object, ObjectId>();
  const seen = new Set<object>();
  const left: unknown[] = [value];
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next !== "object" || next === null || seen.has(next)) continue;
    seen.add(next);
    try {
      const id = RemoteReference.idOf(next, context) ?? context.imports.caches.idOf(next);
      if (id !== undefined) pinned.set(next, id);
      else for (const part of partsOf(next)) left.push(part);
    } catch {
      // Not readable.
    }
  }
  return pinned;
}
