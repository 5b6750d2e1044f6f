// The numbers of places in packed patches, at both ends.

import { MOST_PLACE_UNITS, MOST_PLACES } from "./format.js";

/** The places that one end has named, in their order. */
export class Places {
  readonly #pointers: string[] = [];
  readonly #numbers = new Map<string, number>();
  #units = 0;

  get size(): number {
    return this.#pointers.length;
  }

  /** Undefined for a place that was not named. */
  numberOf(pointer: string): number | undefined {
    return this.#numbers.get(pointer);
  }

  /** Undefined for a number that no place has. */
  pointerOf(number: number): string | undefined {
    return this.#pointers[number];
  }

  /** Names a place. Returns false, and does nothing, when there is no room. */
  add(pointer: string): boolean {
    if (this.#pointers.length >= MOST_PLACES || this.#units + pointer.length > MOST_PLACE_UNITS) return false;
    this.#numbers.set(pointer, this.#pointers.push(pointer) - 1);
    this.#units += pointer.length;
    return true;
  }

  clear(): void {
    this.#pointers.length = 0;
    this.#numbers.clear();
    this.#units = 0;
  }
}
