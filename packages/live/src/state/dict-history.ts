// The last changes of a wide dict, so that two steps of it are compared in the time for what differs.

import { ABSENT } from "./absent.js";

/** Keys that a history remembers at least, however few entries the dict has. */
const LEAST_KEYS = 512;

/** What a step counts besides its keys, for the memory that it takes itself. */
const STEP_KEYS = 8;

/** Which entries the last steps of a history have changed. */
export class DictHistory {
  /** By the number of the step before: each key, and whether the step has added it. */
  readonly #steps = new Map<number, ReadonlyMap<string, boolean>>();
  #first = 0;
  #next = 0;
  #keys = 0;

  /** The number of the newest step. */
  get newest(): number {
    return this.#next;
  }

  /** Adds a step. At most so many keys are remembered as a quarter of the entries. */
  add(undo: ReadonlyMap<string, unknown>, size: number): void {
    const step = new Map<string, boolean>();
    for (const [key, before] of undo) step.set(key, before === ABSENT);
    this.#steps.set(this.#next++, step);
    this.#keys += step.size + STEP_KEYS;
    for (const most = Math.max(LEAST_KEYS, size / 4); this.#keys > most; this.#first++) {
      this.#keys -= this.#steps.get(this.#first)!.size + STEP_KEYS;
      this.#steps.delete(this.#first);
    }
  }

  /** The keys that were changed between two steps. Those that were added are in the order of the dict. */
  keysBetween(from: number, to: number): readonly string[] | undefined {
    if (from < this.#first || from > to) return undefined;
    const keys = new Set<string>();
    for (let number = from; number < to; number++) {
      for (const [key, isAdded] of this.#steps.get(number)!) {
        if (isAdded) keys.delete(key); // It may have been added, removed, and added again.
        keys.add(key);
      }
    }
    return [...keys];
  }
}
