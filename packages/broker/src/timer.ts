// Timers with delays of any length.

/**
 * The longest delay, in milliseconds, that `setTimeout` accepts: 24.8 days. It runs callbacks with a longer delay at
 * once.
 */
export const LONGEST_MS: number = 2 ** 31 - 1;

/**
 * Runs `callback` after a delay. A delay longer than {@link LONGEST_MS}, such as `Infinity`, means never: no timer is
 * started.
 */
export function after(milliseconds: number, callback: () => void): ReturnType<typeof setTimeout> | undefined {
  return milliseconds > LONGEST_MS ? undefined : setTimeout(callback, milliseconds);
}
