// The objects that one end of a connection publishes under a name.

import type { Callable } from "../calls/callable.js";
import { PBX } from "./pbx.js";

/** The name of the root object. */
export const ROOT = "root";

/** Makes the object `pbx` when the peer calls it. */
interface PublishedOwner {
  /** Undefined when the connection has none: it is not ready, or does without extensions. */
  makePbx(): Callable | undefined;
}

/** Most connections publish the root alone, and there may be thousands of connections: other tables are made later. */
export class Published {
  readonly #owner: PublishedOwner;
  #root: Callable | undefined;
  #pbx: Callable | undefined;
  #others: Map<string, Callable> | undefined;

  constructor(owner: PublishedOwner) {
    this.#owner = owner;
  }

  get(name: string): Callable | undefined {
    if (name === ROOT) return this.#root;
    if (name === PBX) return (this.#pbx ??= this.#owner.makePbx());
    return this.#others?.get(name);
  }

  set(name: string, object: Callable): void {
    if (name === ROOT) this.#root = object;
    else (this.#others ??= new Map<string, Callable>()).set(name, object);
  }

  delete(name: string): void {
    if (name === ROOT) this.#root = undefined;
    else this.#others?.delete(name);
  }

  /** The connection has ended. */
  deletePbx(): void {
    this.#pbx = undefined;
  }
}
