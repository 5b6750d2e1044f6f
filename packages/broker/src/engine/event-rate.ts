// Limits the events that a peer can cause as often as it likes, so that it cannot fill a log.

/** Milliseconds until one more event is reported. */
const INTERVAL_MS = 1_000;

/** Events of one kind. */
export class EventRate {
  readonly #burst: number;
  #left: number;
  #at = performance.now();
  #omitted = 0;

  /** `burst` events are reported at once. Default 20: enough to find the cause. */
  constructor(burst = 20) {
    this.#burst = this.#left = burst;
  }

  /**
   * Counts an event. Unless it is omitted, calls `report` with the number of events that were omitted before it,
   * undefined if there were none.
   */
  limit(report: (omitted: number | undefined) => void): void {
    const now = performance.now();
    this.#left = Math.min(this.#burst, this.#left + (now - this.#at) / INTERVAL_MS);
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
