// Limits the events that a peer can cause as often as it likes, so that it cannot fill a log.

/** Events at once, and milliseconds until one more: enough to find the cause. */
const BURST = 20;
const INTERVAL_MS = 1_000;

/** Events of one kind. */
export class EventRate {
  #left = BURST;
  #at = performance.now();
  #omitted = 0;

  /**
   * Counts an event. Unless it is omitted, calls `report` with the number of events that were omitted before it,
   * undefined if there were none.
   */
  limit(report: (omitted: number | undefined) => void): void {
    const now = performance.now();
    this.#left = Math.min(BURST, this.#left + (now - this.#at) / INTERVAL_MS);
    this.#at = now;
    if (this.#left < 1) {
      this.#omitted++;
      return;
    }
    this.#left--;
    const omitted = this.#omitted === 0 ? undefined : this.#omitted;
    this.#omitted = 0;
    report(omitted);
  }
}
