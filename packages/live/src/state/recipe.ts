// Applies a recipe, which changes a draft of a state.

import { LiveError } from "../errors.js";
import { draftOf } from "./draft/draft.js";
import type { Draft } from "./draft/draft.js";
import { isContainer } from "./plain.js";

/**
 * The state that a recipe makes of another one, which is frozen. Throws what the recipe throws, and `LiveError`
 * if it is async.
 */
export function applyRecipe<State extends object>(state: State, recipe: (draft: Draft<State>) => unknown): State {
  return applyTo(state, recipe, false);
}

/** As {@link applyRecipe}, but wide dicts, which are plain objects for the recipe, may be `WideDict`s. */
export function applyLazily(state: object, recipe: (draft: never) => unknown): object {
  return applyTo(state, recipe as (draft: object) => unknown, true);
}

function applyTo<State extends object>(state: State, recipe: (draft: Draft<State>) => unknown, isLazy: boolean): State {
  // The state of a cached object of a peer may be anything.
  if (!isContainer(state)) throw new TypeError("A recipe can only change a list or a dict");
  const session = draftOf(state, isLazy);
  try {
    const result: unknown = recipe(session.draft);
    if (typeof (result as Partial<PromiseLike<unknown>> | null | undefined)?.then === "function") {
      Promise.resolve(result).catch(() => undefined);
      throw new LiveError("LIVE_ASYNC_RECIPE", "A recipe cannot be async: await first, and update then");
    }
    return session.finish() as State;
  } finally {
    session.end();
  }
}
