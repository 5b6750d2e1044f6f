// Things that are numbered in a row, and most of which are gone soon.

/** How many places there are at first, and at most: then more is looked up in a table. Powers of two. */
const FEW = 8;
const MANY = 4096;

/**
 * A map from ids to the items that have them. They stand in a ring, at their id modulo its size; one that is still there when its place is wanted
 * moves to a table. A `Map` for all of them would make a new table every few calls, and once one of those is old, V8 keeps each for the sake of
 * the one before, with the answers in it, until the next major collection (bench `growth`).
 */
export class Numbered<Item extends { readonly id: number }> {
  #ring: (Item | undefined)[] = placesFor(FEW);
  #late: Map<number, Item> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Mostly `item.id` is larger than any before. Not always: a call that a hook makes while another is written is added first. */
  add(item: Item): void {
    this.#size++;
    if (2 * this.#size > this.#ring.length && this.#ring.length < MANY) this.#widen();
    this.#place(item);
  }

  /** The item with that id, which is then no longer there. */
  take(id: number): Item | undefined {
    const place = id & (this.#ring.length - 1);
    let item = this.#ring[place];
    if (item?.id === id) {
      this.#ring[place] = undefined;
    } else {
      item = this.#late?.get(id);
      if (item === undefined) return undefined;
      this.#late?.delete(id);
    }
    this.#size--;
    return item;
  }

  /** All items, in the order of their ids; then there are none. */
  takeAll(): Item[] {
    const items = [...(this.#late?.values() ?? []), ...this.#ring.filter((item) => item !== undefined)];
    this.#ring = placesFor(FEW);
    this.#late = undefined;
    this.#size = 0;
    return items.sort((a, b) => a.id - b.id);
  }

  #place(item: Item): void {
    const place = item.id & (this.#ring.length - 1);
    const before = this.#ring[place];
    if (before !== undefined) (this.#late ??= new Map<number, Item>()).set(before.id, before);
    this.#ring[place] = item;
  }

  #widen(): void {
    const items = this.#ring;
    this.#ring = placesFor(2 * items.length);
    for (const item of items) if (item !== undefined) this.#place(item);
  }
}

function placesFor<Item>(count: number): (Item | undefined)[] {
  return new Array<Item | undefined>(count).fill(undefined);
}
