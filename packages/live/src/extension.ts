// @pb/live/extension: the parts of live state, for programs that send it in another way.

export { Listeners } from "./client/source.js";
export { diff } from "./state/diff.js";
export { PatchedState } from "./state/patch.js";
export { adopt, seal } from "./state/plain.js";
export { applyRecipe } from "./state/recipe.js";
