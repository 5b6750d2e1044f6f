// Which objects a graph that is being written has met, and where.

/** Up to this many objects, looking through a row of them beats a hash table (bench `jelly`, payload "nested record"). */
const FEW = 48;

/** A map from objects to integers, for graphs that are mostly small. */
export class MetObjects {
  /** Rows that stay from graph to graph, and how many places are taken. */
  readonly #objects = new Array<object | undefined>(FEW).fill(undefined);
  readonly #values = new Int32Array(FEW);
  #count = 0;
  /** Takes over when there are many. */
  #many: Map<object, number> | undefined;

  get(object: object): number | undefined {
    if (this.#many !== undefined) return this.#many.get(object);
    const index = this.#indexOf(object);
    return index < 0 ? undefined : this.#values[index];
  }

  /** What is known about an object; if nothing, adds it with that value and returns undefined. */
  meet(object: object, value: number): number | undefined {
    if (this.#many !== undefined) return meetMany(this.#many, object, value);
    const objects = this.#objects;
    const count = this.#count;
    for (let index = 0; index < count; index++) if (objects[index] === object) return this.#values[index];
    if (count === FEW) {
      meetMany(this.#toMany(), object, value);
    } else {
      objects[count] = object;
      this.#values[count] = value;
      this.#count = count + 1;
    }
    return undefined;
  }

  set(object: object, value: number): void {
    const index = this.#many === undefined ? this.#indexOf(object) : -1;
    if (index >= 0) this.#values[index] = value;
    else this.#toMany().set(object, value);
  }

  clear(): void {
    this.#many = undefined;
    if (this.#count > 0) this.#empty();
  }

  #indexOf(object: object): number {
    for (let index = 0; index < this.#count; index++) if (this.#objects[index] === object) return index;
    return -1;
  }

  #toMany(): Map<object, number> {
    if (this.#many !== undefined) return this.#many;
    const many = new Map<object, number>();
    for (let index = 0; index < this.#count; index++) many.set(this.#objects[index]!, this.#values[index]!);
    this.#empty();
    return (this.#many = many);
  }

  #empty(): void {
    this.#objects.fill(undefined, 0, this.#count);
    this.#count = 0;
  }
}

function meetMany(many: Map<object, number>, object: object, value: number): number | undefined {
  const known = many.get(object);
  if (known === undefined) many.set(object, value);
  return known;
}
