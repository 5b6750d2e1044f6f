// The values of `rpc.method`: a bounded number of them, whatever programs and peers call.

import type { CallArrived, CallMade } from "./hooks.js";
import { OTHER } from "./conventions.js";

/** More names than programs have methods. A program may call names that it gets from others. */
const MOST_NAMES = 1_000;

export class CallNames {
  readonly #known: ReadonlySet<string>;
  readonly #names = new Set<string>();

  /** `known`: methods of objects that decide themselves what they do with a name. */
  constructor(known: readonly string[]) {
    this.#known = new Set(known);
  }

  /** A method that this program calls. The class of the object is known at the peer only. */
  ofMade({ target, method }: CallMade): string {
    return this.#bounded(target === undefined ? method : `${target}/${method}`);
  }

  /** A method that the peer calls, if the object has it. */
  ofArrived({ type, method, requested }: CallArrived): string {
    if (type === undefined) return OTHER;
    const name = method ?? (this.#known.has(requested) ? requested : undefined);
    return name === undefined ? OTHER : this.#bounded(`${type}/${name}`);
  }

  #bounded(name: string): string {
    if (this.#names.has(name)) return name;
    if (this.#names.size >= MOST_NAMES) return OTHER;
    this.#names.add(name);
    return name;
  }
}
