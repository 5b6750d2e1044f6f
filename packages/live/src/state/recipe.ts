// Applies a recipe, which changes a draft of a state.

import { create } from "mutative";
import type { Draft } from "mutative";
import { LiveError } from "../errors.js";

/**
 * The state that a recipe makes of another one, which stays as it is. Throws what the recipe throws, and `LiveError` if
 * it is async.
 */
export function applyRecipe<State extends object>(state: State, recipe: (draft: Draft<State>) => unknown): State {
  const [draft, finish] = create(state);
  const result: unknown = recipe(draft);
  if (typeof (result as Partial<PromiseLike<unknown>> | null | undefined)?.then === "function") {
    Promise.resolve(result).catch(() => undefined);
    throw new LiveError("LIVE_ASYNC_RECIPE", "A recipe cannot be async: await first, and update then");
  }
  return finish();
}
