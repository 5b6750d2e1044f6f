// A part of the state of a source.

import { refuseProxies } from "@pb/jelly-types";
import { Listeners } from "./source.js";
import type { LiveSource, LiveStatus } from "./source.js";

/** A part of the state of another source. Its listeners are called only when the part or the status has changed. */
export class Selection<T, Selected> implements LiveSource<Selected> {
  static {
    refuseProxies(this, (object) => #source in object);
  }

  readonly #source: LiveSource<T>;
  readonly #selector: (state: T) => Selected;
  readonly #isEqual: (one: Selected, other: Selected) => boolean;
  /** The state of which the last part was selected, and the part. */
  #last: { readonly state: T; readonly selected: Selected } | undefined;
  readonly #listeners = new Listeners();
  #unsubscribe: (() => void) | undefined;
  /** What the listeners know. */
  #known: { readonly selected: Selected | undefined; readonly status: LiveStatus } | undefined;

  /** Programs use `select` of a `LiveView` or of the result of `live`. */
  constructor(
    source: LiveSource<T>,
    selector: (state: T) => Selected,
    isEqual: (one: Selected, other: Selected) => boolean,
  ) {
    if (typeof selector !== "function") throw new TypeError("The selector must be a function");
    if (typeof isEqual !== "function") throw new TypeError("The comparison must be a function");
    this.#source = source;
    this.#selector = selector;
    this.#isEqual = isEqual;
  }

  get status(): LiveStatus {
    return this.#source.status;
  }

  /** The selected part. Throws what the selector throws. */
  getSnapshot(): Selected | undefined {
    const state = this.#source.getSnapshot();
    if (state === undefined) return undefined;
    const last = this.#last;
    if (last?.state === state) return last.selected;
    const selected = this.#selector(state);
    this.#last = {
      state,
      selected: last !== undefined && this.#isEqual(last.selected, selected) ? last.selected : selected,
    };
    return this.#last.selected;
  }

  subscribe(listener: () => void): () => void {
    const remove = this.#listeners.add(listener, () => {
      if (this.#listeners.size > 0) return;
      this.#unsubscribe?.();
      this.#unsubscribe = undefined;
    });
    if (this.#unsubscribe === undefined) {
      this.#known = this.#look();
      this.#unsubscribe = this.#source.subscribe(() => this.#changed());
    }
    return remove;
  }

  #changed(): void {
    const now = this.#look();
    const known = this.#known;
    this.#known = now;
    const isSame =
      now !== undefined &&
      known !== undefined &&
      Object.is(now.selected, known.selected) &&
      now.status === known.status;
    if (!isSame) this.#listeners.notify();
  }

  /** Undefined if the selector throws: the listeners are called, and get the error when they ask for the snapshot. */
  #look(): { readonly selected: Selected | undefined; readonly status: LiveStatus } | undefined {
    try {
      return { selected: this.getSnapshot(), status: this.status };
    } catch {
      return undefined;
    }
  }
}
