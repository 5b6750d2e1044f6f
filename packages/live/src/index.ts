// @pb/live: state that stays in step.

// Servers
export { Live } from "./server/live.js";
export type { LiveOptions } from "./server/live.js";

// Clients
export { live } from "./client/lasting.js";
export type { LastingView, LiveClient, LiveRecipe, ViewedState } from "./client/lasting.js";
export { liveView, LiveView } from "./client/live-view.js";
export { mapUpdates } from "./client/map-updates.js";
export type { UpdateRecipes } from "./client/map-updates.js";
export type { LiveSource, LiveStatus } from "./client/source.js";

// Both
export { LiveError } from "./errors.js";
export type { LiveErrorCode } from "./errors.js";
export type { Operation } from "./state/diff.js";
export type { Draft } from "./state/draft/draft.js";
