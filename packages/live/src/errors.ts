// Errors of live state, at both ends.

import { PerspectiveBrokerError } from "@pb/broker";

/**
 * Stable codes of a {@link LiveError}.
 *
 * At the server: `NOT_PLAIN`, `TOO_DEEP`, `TOO_LARGE`: the state cannot travel. `NESTED_UPDATE`: `update` was called in
 * an update or a view. `ASYNC_RECIPE`: a recipe returned a promise. `VIEW_FAILED`: a view function threw.
 *
 * At the viewer: `NOT_PLAIN`, `TOO_DEEP`, `TOO_LARGE`: what arrived is not plain data. `BAD_PATCH`: a patch does not
 * apply. `GAP`: a patch is for another revision. `UPDATE_FAILED`: a recipe of `mapUpdates` threw, or there is none.
 * `ENDED`: the server has ended the view. `NOT_A_VIEW`: the recipe of `live` did not resolve with a `LiveView`.
 */
export type LiveErrorCode =
  | "LIVE_NOT_PLAIN"
  | "LIVE_TOO_DEEP"
  | "LIVE_TOO_LARGE"
  | "LIVE_NESTED_UPDATE"
  | "LIVE_ASYNC_RECIPE"
  | "LIVE_VIEW_FAILED"
  | "LIVE_BAD_PATCH"
  | "LIVE_GAP"
  | "LIVE_UPDATE_FAILED"
  | "LIVE_ENDED"
  | "LIVE_NOT_A_VIEW";

/** Live state cannot be changed, sent or received. The connection stays usable, and so do other views. */
export class LiveError extends PerspectiveBrokerError {
  override readonly name = "LiveError";
  readonly code: LiveErrorCode;

  constructor(code: LiveErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
