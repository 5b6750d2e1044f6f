// The memory that the values of packed patches take, counted before they are created.

import { LiveError } from "../errors.js";

/** The entries that an empty `Map` has room for. V8 doubles that. */
export const LEAST_ENTRIES = 4;

/**
 * Bytes of V8's heap, measured (test `packed/heap`). A byte on the wire can become a hundred: an empty dict takes two
 * bytes there.
 */
const LIST = 32;
const SLOTS = 16;
const SLOT = 8;
const MAP = 72;
const MAP_ENTRY = 28;
const TEXT = 16;
const NUMBER = 16;

/** The largest number that takes no memory beside its place: larger ones may, depending on the engine. */
const SMALL = 2 ** 31;

/** Counts what the values of one patch take, up to a limit. */
export class ValuesHeap {
  readonly #most: number;
  #bytes = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Throws {@link LiveError} with the code `LIVE_TOO_LARGE` when all values take more than they may. */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > this.#most)
      throw new LiveError("LIVE_TOO_LARGE", `The packed patch takes more than ${this.#most} bytes of memory`);
  }

  /** A step of a place and a value. */
  step(): void {
    this.add(LIST + SLOTS + 2 * SLOT);
  }

  /** A number in a list, a map or a step. */
  number(value: number): void {
    if (!Number.isInteger(value) || value >= SMALL || value < -SMALL) this.add(NUMBER);
  }

  /** A text of so many bytes of UTF-8. */
  text(bytes: number): void {
    this.add(TEXT + bytes + SLOT - 1);
  }

  /** An empty list. */
  list(): void {
    this.add(LIST);
  }

  /** An item is added to a list that has room for `room` items. Returns for how many it has room then. */
  item(length: number, room: number): number {
    if (length < room) return room;
    const needed = length + 1;
    const next = needed + Math.floor(needed / 2) + 16;
    this.add(SLOT * (next - room) + (room === 0 ? SLOTS : 0));
    return next;
  }

  /** An empty map. */
  map(): void {
    this.add(MAP + MAP_ENTRY * LEAST_ENTRIES);
  }

  /** The same for an entry of a map. */
  entry(size: number, room: number): number {
    if (size < room) return room;
    this.add(MAP_ENTRY * room);
    return 2 * room;
  }
}
