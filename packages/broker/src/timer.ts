// Timers with delays of any length.

/**
 * The longest delay, in milliseconds, that `setTimeout` accepts: 24.8 days. It runs callbacks with a longer delay at
 * once.
 */
export const LONGEST_MS: number = 2 ** 31 - 1;

/**
 * A timer of `setTimeout` or `setInterval`: a number in browsers, an object in Node. `unknown` if the program has the
 * types of no platform.
 */
export type Timer = typeof globalThis extends { setTimeout: (...args: never[]) => infer Handle } ? Handle : unknown;

/**
 * Runs `callback` after a delay. A delay longer than {@link LONGEST_MS}, such as `Infinity`, means never: no timer is
 * started.
 */
export function after(milliseconds: number, callback: () => void): Timer | undefined {
  return milliseconds > LONGEST_MS ? undefined : setTimeout(callback, milliseconds);
}
