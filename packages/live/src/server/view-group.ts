// The viewers that see the same: their view, and the patches to it.

import { PlainTree } from "@pb/jelly-types";
import { LiveError } from "../errors.js";
import { packState } from "../packed/pack.js";
import { diff } from "../state/diff.js";
import { seal } from "../state/plain.js";
import { plainOf } from "../state/wide-dict.js";
import { Packing } from "./packing.js";
import { ViewPatch } from "./view-patch.js";
import type { PatchArguments } from "./view-patch.js";

const NOTHING: unique symbol = Symbol("nothing");

/** A view that viewers of a group have. */
export interface View {
  /** It may contain `WideDict`s. A newer value that equals it takes its place: the history of a dict is short. */
  value: unknown;
}

export class ViewGroup<Viewer> {
  readonly key: string;
  readonly viewers: Set<Viewer> = new Set<Viewer>();
  readonly #viewOf: (state: unknown) => unknown;
  readonly #current: { readonly revision: number };
  /** The revision of the state that was looked at last. */
  #seen = -1;
  /** The state of which the view is. */
  #state: unknown = NOTHING;
  #view: View = { value: undefined };
  #revision = 0;
  #tree: PlainTree | undefined;
  #whole: PlainTree | undefined;
  /** Undefined until it was needed. */
  #packed: { readonly bytes: Uint8Array | undefined } | undefined;
  /** The patches to the current view, by the revision that they apply to: viewers that are behind need other ones. */
  readonly #patches = new Map<number, ViewPatch>();
  readonly packing: Packing = new Packing();

  /** `current` has the revision of the state. */
  constructor(key: string, viewOf: (state: unknown) => unknown, current: { readonly revision: number }) {
    this.key = key;
    this.#current = current;
    this.#viewOf = viewOf;
  }

  /** What the viewers see. */
  get view(): View {
    return this.#view;
  }

  /** The revision of the state at which the view has last changed. */
  get revision(): number {
    return this.#revision;
  }

  /** Whether the state has changed since the view was computed. */
  get isOutdated(): boolean {
    return this.#seen !== this.#current.revision;
  }

  /** The view, written once for all new viewers. */
  get tree(): PlainTree {
    return (this.#tree ??= new PlainTree(plainOf(this.#view.value)));
  }

  /** The view in its packed form, for all new viewers that read it. Undefined if it is too large. */
  get packed(): Uint8Array | undefined {
    return (this.#packed ??= { bytes: packState(plainOf(this.#view.value)) }).bytes;
  }

  /** Computes the view of a state. Throws {@link LiveError} for one that cannot be computed or sent. */
  refresh(state: unknown, revision: number): void {
    this.#seen = revision;
    if (state === this.#state) return;
    const value = this.#compute(state);
    const isFirst = this.#state === NOTHING;
    const operations = isFirst ? [] : diff(this.#view.value, value);
    this.#state = state;
    if (!isFirst && operations.length === 0) {
      this.#view.value = value;
      return;
    }
    this.#patches.clear();
    this.packing.next();
    if (!isFirst) this.#patches.set(this.#revision, new ViewPatch(this.#revision, revision, operations, true));
    this.#view = { value };
    this.#revision = revision;
    this.#tree = this.#whole = this.#packed = undefined;
  }

  /** The patch for a viewer that has another view. */
  patchFrom(since: number, view: View): ViewPatch {
    let patch = this.#patches.get(since);
    if (patch === undefined) {
      patch = new ViewPatch(since, this.#revision, diff(view.value, this.#view.value), false);
      this.#patches.set(since, patch);
    }
    return patch;
  }

  /** A patch that sets the whole view, whatever the viewer has. */
  wholeFrom(since: number): PatchArguments {
    this.#whole ??= new PlainTree([["", plainOf(this.#view.value)]]);
    return [this.#revision, this.#whole, since];
  }

  #compute(state: unknown): unknown {
    let value: unknown;
    try {
      value = this.#viewOf(state);
    } catch (cause) {
      throw new LiveError("LIVE_VIEW_FAILED", "A view function has thrown an error", { cause });
    }
    seal(value, this.#view.value, "The result of viewOf");
    return value;
  }
}
