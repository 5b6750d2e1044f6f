// The items of a stream in one answer, and what they take: both ends count bytes with the same estimate.

import { below, FrozenSet } from "@pb/jelly-types";
import type { TypeHandler } from "@pb/jelly-types";

/** The bytes of items at which a source answers, although more were asked for. Two socket reads. */
export const BATCH_BYTES: number = 128 * 1024;

/** The most items that one call may ask for, and that a source takes in advance. */
export const MOST_ITEMS = 1024;

/** What a value takes besides its contents, in bytes. */
const VALUE_BYTES = 16;

/** What is assumed for an object whose size is not known, such as a copy, in bytes. */
const OBJECT_BYTES = 4096;

/**
 * Estimates the bytes of an item, up to about `most` (default {@link BATCH_BYTES}): what is beyond that in a container
 * is not looked at, so that the estimate takes little time. An object that occurs several times is counted once.
 */
export function sizeOfItem(item: unknown, most: number = BATCH_BYTES): number {
  const values = [item];
  let bytes = 0;
  let seen: Set<unknown> | undefined;
  while (values.length > 0 && bytes < most) {
    const value = values.pop();
    bytes += VALUE_BYTES;
    // Most items contain no object: they need no set.
    if (typeof value === "object" && value !== item) {
      if (seen?.has(value) === true) continue;
      (seen ??= new Set()).add(value);
    }
    bytes += sizeOfValue(value, values, most);
  }
  return bytes;
}

/** The bytes of a value without its parts, which are added to `values`. */
function sizeOfValue(value: unknown, values: unknown[], most: number): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return 0;
  try {
    if (value instanceof Uint8Array || value instanceof ArrayBuffer) return value.byteLength;
    const parts = partsOf(value);
    if (parts === undefined) return OBJECT_BYTES;
    for (const part of parts) {
      // Each part is counted again when it is looked at: a long list alone says that the item is large.
      if (values.push(part) * VALUE_BYTES >= most) return most;
    }
    return 0;
  } catch {
    return OBJECT_BYTES; // A getter that throws. The item is refused when it is written.
  }
}

function partsOf(value: object): Iterable<unknown> | undefined {
  if (Array.isArray(value) || value instanceof Set || value instanceof FrozenSet) return value as Iterable<unknown>;
  if (value instanceof Map) return [...value.keys(), ...value.values()] as unknown[];
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null ? Object.values(value) : undefined;
}

/** What a batch asks the source that made it. */
export interface BatchOwner {
  /** Why this batch cannot be sent: an item before it cannot. */
  failureBefore(number: number): { readonly error: unknown } | undefined;
  /** An item of this batch cannot be sent. `isLater`: the error is that of the next call. */
  cannotSend(number: number, error: unknown, isLater: boolean): void;
}

/** The answer of a source, which travels as a list of items. An empty list is the end of the stream. */
export class Batch {
  items: readonly unknown[];
  /** Its position among the batches of the source. */
  readonly #number: number;
  readonly #owner: BatchOwner;
  /** The index of the item that is being written. */
  #index = 0;

  constructor(items: readonly unknown[], number: number, owner: BatchOwner) {
    this.items = items;
    this.#number = number;
    this.#owner = owner;
  }

  /** Whether a value is a batch. A proxy, which may throw, is none. */
  static is(value: unknown): value is Batch {
    return typeof value === "object" && value !== null && #owner in value;
  }

  /** Calls `write` for each item. Throws what it throws, and why an earlier batch could not be sent. */
  write(write: (item: unknown) => void): void {
    const failure = this.#owner.failureBefore(this.#number);
    if (failure !== undefined) throw failure.error;
    try {
      for (this.#index = 0; this.#index < this.items.length; this.#index++) write(this.items[this.#index]);
    } catch (error) {
      throw below(error, `[${this.#index}]`);
    }
    this.#index = 0; // All of them: a message that is too large is the fault of none.
  }

  /**
   * What to answer in place of a result that could not be sent: a batch with the items before the one that cannot be
   * sent. Undefined for any other result, and when there are no such items: then the error is the answer.
   */
  static before(result: unknown, error: unknown): Batch | undefined {
    if (!Batch.is(result) || result.#owner.failureBefore(result.#number) !== undefined) return undefined;
    const sent = result.#index;
    result.#owner.cannotSend(result.#number, error, sent > 0);
    if (sent === 0) return undefined;
    result.items = result.items.slice(0, sent);
    return result;
  }
}

export const batchHandler: TypeHandler<Batch> = {
  atoms: [],
  classes: [Batch],
  identity: false,
  jelly(batch, jellier) {
    jellier.writer.list(batch.items.length + 1);
    jellier.writer.word("list");
    batch.write((item) => jellier.write(item));
  },
};
