// Live views of cached objects whose server has `observe_` methods of its own, such as an unmodified Python server.

import { remoteCache } from "@pb/broker";
import { plainState, printable } from "@pb/jelly-types";
import type { TypeHandler } from "@pb/jelly-types";
import type { Draft } from "../state/draft/draft.js";
import { reconcile } from "../state/patch.js";
import { adopt } from "../state/plain.js";
import { applyRecipe } from "../state/recipe.js";
import { LiveView } from "./live-view.js";

/** For each `observe_` method of the server: a recipe that does to a draft of the state what the method means. */
export type UpdateRecipes<State> = Readonly<Record<string, (draft: Draft<State>, ...args: never[]) => unknown>>;

/**
 * Receives what a server sends as a cached object under `name` as a {@link LiveView}, although the server sends updates
 * of its own and no patches: `types.register(mapUpdates<Board>("game.Board", { moved(draft, x, y) { … } }))` for a
 * server that calls `observer.callRemote("moved", x, y)`. What a recipe returns is ignored.
 *
 * `initial` makes the first state of what the server sends; it converts dates, for example. Default: the state itself,
 * which must be plain data. The view becomes `stale` at an update for which there is no recipe, or whose recipe
 * throws or makes a state that is not plain.
 */
export function mapUpdates<State extends object>(
  name: string,
  updates: UpdateRecipes<State>,
  initial: (state: unknown) => State = (state) => state as State,
): TypeHandler<LiveView<State>> {
  class MappedView extends LiveView<State> {
    static {
      for (const [update, recipe] of Object.entries(updates)) {
        if (typeof recipe !== "function") throw new TypeError(`The recipe of ${update} must be a function`);
        Object.defineProperty(this.prototype, `observe_${update}`, {
          value: function (this: MappedView, ...args: unknown[]): void {
            this.change((state) => apply(state, recipe, args));
          },
        });
      }
    }

    override unknownUpdate(update: string): void {
      try {
        this.change(() => {
          throw new TypeError(`There is no recipe for the update ${printable(update)}`);
        });
      } catch {
        // It is the cause of the error of this view. The call fails by itself.
      }
    }
  }
  return remoteCache(name, MappedView, (view, state, context) => {
    LiveView.start(view, initial(plainState(state)), 0, context);
  });
}

function apply<State extends object>(
  state: State,
  recipe: (draft: Draft<State>, ...args: never[]) => unknown,
  args: readonly unknown[],
): State {
  return reconcile(state, adopt(applyRecipe(state, (draft) => recipe(draft, ...(args as never[]))))) as State;
}
