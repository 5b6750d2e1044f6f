// Limits the events that strangers can cause as often as they like, so that they cannot fill a log.

/** Events at once, and milliseconds until one more: enough to see who it is. */
const BURST = 100;
const INTERVAL_MS = 1_000;

/** Events of one kind. */
export class EventRate {
  #left = BURST;
  #at = performance.now();
  #omitted = 0;

  /**
   * Counts an event. Returns undefined if it must be omitted, and otherwise the number of events that were omitted
   * before it.
   */
  take(): number | undefined {
    const now = performance.now();
    this.#left = Math.min(BURST, this.#left + (now - this.#at) / INTERVAL_MS);
    this.#at = now;
    if (this.#left < 1) {
      this.#omitted++;
      return undefined;
    }
    this.#left--;
    const omitted = this.#omitted;
    this.#omitted = 0;
    return omitted;
  }
}
