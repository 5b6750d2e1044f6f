// Notices that a count comes near its limit, without doing so again for every further one.

/** The part of the limit from which a count is near it: the rest is enough for what is on its way. */
const NEAR = 0.75;

/** How much a count has to grow until it is noticed again. */
const GROWTH = 1.125;

export class NearLimit {
  /** May change at any time. */
  limit: number;
  /** The count that is noticed next. */
  next: number;

  constructor(limit: number) {
    this.limit = limit;
    this.next = this.#first;
  }

  /** The count has reached {@link next}. Returns whether it had already been noticed before, and has grown since. */
  reach(count: number): boolean {
    if (count < this.#first) {
      this.next = this.#first; // The limit was raised.
      return false;
    }
    const isFirst = this.next === this.#first;
    this.next = Math.ceil(count * GROWTH);
    return !isFirst;
  }

  /** The count has become smaller. */
  leave(count: number): void {
    if (count < this.#first) this.next = this.#first;
  }

  get #first(): number {
    return Math.ceil(this.limit * NEAR);
  }
}
