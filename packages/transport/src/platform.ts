// The functions that differ between platforms: Node, browsers, Deno, Bun.

import type { Timer } from "@pb/broker/extension";

export type { Timer };

/** Functions of the platform that a transport passes to the parts of this package. */
export interface Platform {
  /**
   * Lets the process exit although the timer is running. Default: calls the method `unref` of the timer, if it has one.
   */
  readonly unref: (timer: Timer) => void;
  /**
   * Runs a callback after everything that was sent in this turn has been passed to the link. Default: `setTimeout` with
   * a delay of 0. Node runs `setImmediate` earlier.
   */
  readonly afterTurn: (callback: () => void) => void;
  /** Reports an error of the program when the program does not observe errors by itself. Default: `console.warn`. */
  readonly warn: (message: string) => void;
}

/** Works on every platform. */
export const defaultPlatform: Platform = Object.freeze({
  unref: (timer: Timer) => (timer as { readonly unref?: () => void }).unref?.(),
  afterTurn: (callback: () => void) => void setTimeout(callback, 0),
  // eslint-disable-next-line no-console -- the only place for warnings that all platforms have
  warn: (message: string) => console.warn(message),
});
