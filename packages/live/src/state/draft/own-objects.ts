// What the values of drafts become, and drafts in objects of the recipe.

import { extents } from "../extents.js";
import { MOST_DEPTH } from "../limits.js";
import { plainOf, WideDict } from "../wide-dict.js";
import { drafts, isListOrDict, requireActive, snapshotOf } from "./container-draft.js";
import type { ContainerDraft, Session } from "./container-draft.js";

type Dict = Record<string, unknown>;

/** What an entry becomes. Drafts in objects of the recipe are replaced. */
export function finished(value: unknown, session: Session): unknown {
  if (typeof value !== "object" || value === null || extents.has(value)) return value;
  const draft = drafts.get(value);
  if (draft === undefined) return replaceDrafts(value, session, 0);
  if (draft.session !== session) return snapshotOfOther(draft);
  return draft.isModified ? draft.finish() : finished(draft.original, session);
}

/** What a draft of another recipe is now, which may go on to change it. */
function snapshotOfOther(draft: ContainerDraft): unknown {
  return snapshotOf(requireActive(draft).proxy);
}

/**
 * Replaces drafts in an object of the recipe, which gets plain dicts only, because the program may keep it. Returns it,
 * or a copy of one that is frozen and contains drafts.
 */
function replaceDrafts(container: object, session: Session, depth: number): object {
  const known = session.replaced.get(container);
  if (known !== undefined) return known;
  session.replaced.set(container, container);
  // What is nested deeper is refused later.
  if (depth > MOST_DEPTH || !isListOrDict(container)) return container;
  let result = container as Dict;
  for (const key of Object.keys(container)) {
    const value = (container as Dict)[key];
    const replaced = replacedIn(value, session, depth + 1);
    if (Object.is(replaced, value)) continue;
    if (result === container && Object.isFrozen(container)) {
      result = unfrozenCopy(container);
      session.replaced.set(container, result);
    }
    result[key] = replaced;
  }
  return result;
}

function replacedIn(value: unknown, session: Session, depth: number): unknown {
  if (typeof value !== "object" || value === null || extents.has(value)) return value;
  const draft = drafts.get(value);
  if (draft === undefined) return replaceDrafts(value, session, depth);
  if (draft.session !== session) return snapshotOfOther(draft);
  if (!draft.isModified) return replacedIn(plainOf(draft.original), session, depth);
  return withoutWideDicts(draft.finishComplete(), session);
}

function unfrozenCopy(container: object): Dict {
  return (Array.isArray(container) ? [...(container as unknown[])] : { ...container }) as Dict;
}

/** What a draft has become, without `WideDict`s. */
function withoutWideDicts(value: object, session: Session): unknown {
  if (extents.has(value)) return plainOf(value);
  const plain = value instanceof WideDict ? value.plain : value;
  if (session.replaced.has(plain)) return plain;
  session.replaced.set(plain, plain);
  for (const key of Object.keys(plain)) {
    const item = (plain as Dict)[key];
    if (typeof item === "object" && item !== null) (plain as Dict)[key] = withoutWideDicts(item, session);
  }
  return plain;
}
