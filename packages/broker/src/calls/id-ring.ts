// A map from ascending ids to items that are mostly removed soon after they are added.

/** The size of the ring at first, and at most: more items than that go to a table. Powers of two. */
const SMALLEST_RING = 2;
const LARGEST_RING = 4096;

/**
 * Items by id, in a ring: each item stands at its id modulo the size of the ring. An item that is still there when its
 * place is needed moves to a table. A `Map` for all items would allocate a new table every few calls, and once one of
 * those tables is old, V8 keeps each later table alive through the one before it, with the answers it holds, until the
 * next major collection (bench `growth`).
 */
export class IdRing<Item extends { readonly id: number }> {
  #ring: (Item | undefined)[] = emptyRing(SMALLEST_RING);
  #displaced: Map<number, Item> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds an item. Its id must not be in the ring. */
  add(item: Item): void {
    this.#size++;
    if (2 * this.#size > this.#ring.length && this.#ring.length < LARGEST_RING) this.#grow();
    this.#place(item);
  }

  get(id: number): Item | undefined {
    const item = this.#ring[id & (this.#ring.length - 1)];
    return item?.id === id ? item : this.#displaced?.get(id);
  }

  /** Removes and returns the item with this id. */
  take(id: number): Item | undefined {
    const place = id & (this.#ring.length - 1);
    let item = this.#ring[place];
    if (item?.id === id) {
      this.#ring[place] = undefined;
    } else {
      item = this.#displaced?.get(id);
      if (item === undefined) return undefined;
      this.#displaced?.delete(id);
    }
    this.#size--;
    return item;
  }

  /** Removes and returns all items, in the order of their ids. */
  takeAll(): Item[] {
    const items = [...(this.#displaced?.values() ?? []), ...this.#ring.filter((item) => item !== undefined)];
    this.#ring = emptyRing(SMALLEST_RING);
    this.#displaced = undefined;
    this.#size = 0;
    return items.sort((a, b) => a.id - b.id);
  }

  #place(item: Item): void {
    const place = item.id & (this.#ring.length - 1);
    const displaced = this.#ring[place];
    if (displaced !== undefined) (this.#displaced ??= new Map<number, Item>()).set(displaced.id, displaced);
    this.#ring[place] = item;
  }

  #grow(): void {
    const items = this.#ring;
    this.#ring = emptyRing(2 * items.length);
    for (const item of items) if (item !== undefined) this.#place(item);
  }
}

function emptyRing<Item>(size: number): (Item | undefined)[] {
  return new Array<Item | undefined>(size).fill(undefined);
}
