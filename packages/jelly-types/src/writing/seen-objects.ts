// Remembers which objects the graph that is being written contains, and where each was written first.

/**
 * With up to this many objects, searching an array is faster than a hash table (bench `jelly`, payload "nested
 * record").
 */
const MAX_ARRAY = 48;

/** A map from objects to 32-bit integers that is fast for small graphs. */
export class SeenObjects {
  /** Both arrays are reused for every graph. Only the first {@link #count} entries are in use. */
  readonly #objects = new Array<object | undefined>(MAX_ARRAY).fill(undefined);
  readonly #values = new Int32Array(MAX_ARRAY);
  #count = 0;
  /** Replaces the arrays when there are more objects than fit. */
  #map: Map<object, number> | undefined;

  get(object: object): number | undefined {
    if (this.#map !== undefined) return this.#map.get(object);
    const index = this.#indexOf(object);
    return index < 0 ? undefined : this.#values[index];
  }

  /** Returns the value of an object that is known. Otherwise adds the object with `value` and returns undefined. */
  getOrAdd(object: object, value: number): number | undefined {
    if (this.#map !== undefined) return getOrAdd(this.#map, object, value);
    const objects = this.#objects;
    const count = this.#count;
    for (let index = 0; index < count; index++) if (objects[index] === object) return this.#values[index];
    if (count === MAX_ARRAY) {
      getOrAdd(this.#toMap(), object, value);
    } else {
      objects[count] = object;
      this.#values[count] = value;
      this.#count = count + 1;
    }
    return undefined;
  }

  set(object: object, value: number): void {
    const index = this.#map === undefined ? this.#indexOf(object) : -1;
    if (index >= 0) this.#values[index] = value;
    else this.#toMap().set(object, value);
  }

  clear(): void {
    this.#map = undefined;
    if (this.#count > 0) this.#clearArrays();
  }

  #indexOf(object: object): number {
    for (let index = 0; index < this.#count; index++) if (this.#objects[index] === object) return index;
    return -1;
  }

  #toMap(): Map<object, number> {
    if (this.#map !== undefined) return this.#map;
    const map = new Map<object, number>();
    for (let index = 0; index < this.#count; index++) map.set(this.#objects[index]!, this.#values[index]!);
    this.#clearArrays();
    return (this.#map = map);
  }

  #clearArrays(): void {
    // `fill` takes longer for the few objects of a small call (bench `hundred`).
    const objects = this.#objects;
    for (let index = this.#count - 1; index >= 0; index--) objects[index] = undefined;
    this.#count = 0;
  }
}

function getOrAdd(map: Map<object, number>, object: object, value: number): number | undefined {
  const known = map.get(object);
  if (known === undefined) map.set(object, value);
  return known;
}
