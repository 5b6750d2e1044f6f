// The values of `rpc.method`: a bounded number of them, whatever programs and peers call.

import type { CallArrived, CallMade } from "./hooks.js";
import { OTHER } from "./conventions.js";

/** More names than programs have methods. A program may call names that it gets from others. */
const MOST_NAMES = 1_000;

export class CallNames {
  readonly #known: ReadonlySet<string>;
  /** Apart from each other, so that names which this program calls take no place of those that it has. */
  readonly #made = new Set<string>();
  readonly #arrived = new Set<string>();

  /** `known`: methods of objects that decide themselves what they do with a name. */
  constructor(known: readonly string[]) {
    this.#known = new Set(known);
  }

  /** A method that this program calls. The class of the object is known at the peer only. */
  ofMade({ target, method }: CallMade): string {
    return bounded(this.#made, target === undefined ? method : `${target}/${method}`);
  }

  /** A method that the peer calls, if the object has it. */
  ofArrived({ type, method, requested }: CallArrived): string {
    if (type === undefined) return OTHER;
    const name = method ?? (this.#known.has(requested) ? requested : undefined);
    return name === undefined ? OTHER : bounded(this.#arrived, `${type}/${name}`);
  }
}

function bounded(names: Set<string>, name: string): string {
  if (names.has(name)) return name;
  if (names.size >= MOST_NAMES) return OTHER;
  names.add(name);
  return name;
}
