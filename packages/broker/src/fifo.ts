// A queue. Unlike `Array.prototype.shift`, which moves all items of a long array, taking one takes constant time.

/** The items in the order in which they were added. */
export class Fifo<Item> {
  #items: (Item | undefined)[] = [];
  /** The index of the first item. Those before it were taken. */
  #first = 0;

  get size(): number {
    return this.#items.length - this.#first;
  }

  add(item: Item): void {
    this.#items.push(item);
  }

  /** Removes and returns the oldest item. Undefined when there is none. */
  take(): Item | undefined {
    if (this.size === 0) return undefined;
    const item = this.#items[this.#first];
    this.#items[this.#first++] = undefined;
    if (this.#first === this.#items.length) this.clear();
    else if (this.#first > 1024 && 2 * this.#first > this.#items.length) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
    return item;
  }

  clear(): void {
    this.#items = [];
    this.#first = 0;
  }
}
