// Timers that may be as long as anybody likes.

/** What a platform's timer can count to: 24 days. A longer one would go off at once. */
export const LONGEST_MS: number = 2 ** 31 - 1;

/** Runs `callback` after so many milliseconds; never, when they are more than any timer counts, as `Infinity` is. */
export function after(milliseconds: number, callback: () => void): ReturnType<typeof setTimeout> | undefined {
  return milliseconds > LONGEST_MS ? undefined : setTimeout(callback, milliseconds);
}
