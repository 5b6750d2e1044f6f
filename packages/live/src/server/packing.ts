// The packed patches of a group, which its viewers share.

import { SharedArguments } from "@pb/broker/extension";
import { pack } from "../packed/pack.js";
import { Places } from "../packed/places.js";
import type { ViewPatch } from "./view-patch.js";

/** What a viewer is sent. */
export interface PackedPatch {
  readonly bytes: Uint8Array;
  /** The arguments of the update, which are the same bytes for all viewers. */
  readonly shared: SharedArguments;
  /** After this patch, the viewer knows the numbers of this epoch. Undefined if it knows none. */
  readonly epoch: number | undefined;
}

/**
 * Patches after which the numbers of places begin again, so that viewers that do not know them join the others. Until
 * then, each patch is packed twice, once with the names of all of its places.
 */
const EPOCH_PATCHES = 32;

/**
 * Viewers know the numbers of the current epoch when they have got its first patch, and each one since. They get the
 * same bytes. All other viewers get the names of all places.
 */
export class Packing {
  readonly #places = new Places();
  #epoch = 0;
  /** Patches since the current epoch has begun. */
  #count = EPOCH_PATCHES;
  /** Whether there are viewers that do not know the numbers. */
  #isAwaited = true;
  /** What the viewers that know the numbers get, or all of them. Undefined if it was not made yet. */
  #next: { readonly packed: PackedPatch | undefined; readonly isFirst: boolean } | undefined;
  /** What each patch is with the names of all of its places. */
  readonly #alone = new WeakMap<ViewPatch, { readonly packed: PackedPatch | undefined }>();

  /** The view has changed: another patch follows. */
  next(): void {
    this.#next = undefined;
    this.#count++;
  }

  /** Undefined if it is too large. `epoch` is that of the last patch that the viewer got. */
  pack(patch: ViewPatch, epoch: number | undefined): PackedPatch | undefined {
    if (!patch.isNext) return this.#packAlone(patch);
    if (this.#next === undefined && this.#isAwaited && this.#count >= EPOCH_PATCHES) this.#begin(patch);
    if (this.#next?.isFirst === true) return this.#next.packed;
    if (epoch === undefined || epoch !== this.#epoch) {
      this.#isAwaited = true;
      return this.#packAlone(patch);
    }
    this.#next ??= { packed: this.#pack(patch, false), isFirst: false };
    return this.#next.packed ?? this.#packAlone(patch);
  }

  /** Whether it can be packed. If so, it is also small as jelly. */
  isSmall(patch: ViewPatch): boolean {
    return this.#packAlone(patch) !== undefined;
  }

  /** Begins an epoch with this patch. */
  #begin(patch: ViewPatch): void {
    this.#epoch++;
    this.#places.clear();
    this.#count = 0;
    this.#isAwaited = false;
    this.#next = { packed: this.#pack(patch, true), isFirst: true };
  }

  #pack({ since, revision, operations }: ViewPatch, isFirst: boolean): PackedPatch | undefined {
    const bytes = pack(since, revision, operations, this.#places, isFirst);
    if (bytes !== undefined) return { bytes, shared: new SharedArguments(), epoch: this.#epoch };
    // The viewers do not get the names that it contains.
    this.#epoch++;
    this.#count = EPOCH_PATCHES;
    this.#isAwaited = true;
    return undefined;
  }

  #packAlone(patch: ViewPatch): PackedPatch | undefined {
    let alone = this.#alone.get(patch);
    if (alone === undefined) {
      const { since, revision, operations } = patch;
      const bytes = pack(since, revision, operations, new Places(), true);
      alone = { packed: bytes === undefined ? undefined : { bytes, shared: new SharedArguments(), epoch: undefined } };
      this.#alone.set(patch, alone);
    }
    return alone.packed;
  }
}
