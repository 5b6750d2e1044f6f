// Objects of the peer that we hold references to: one proxy each, and how many references it stands for.

import type { Perspective } from "../calls/callable.js";
import { whenCollected, WeakValues } from "./weak-values.js";

/** A proxy's count, apart from the proxy so that it outlives it. */
interface Import<Proxy extends object> {
  readonly id: number;
  /** Where the proxy is found. */
  readonly among: Proxies<Proxy>;
  /** References received and not yet released. */
  count: number;
  /** Where they arrived, when that is traced. */
  readonly arrivals: string[];
}

type Proxies<Proxy extends object> = WeakValues<number, Proxy, Import<Proxy>>;

export class Imports<Proxy extends object> {
  readonly #make: (id: number, perspective: Perspective) => Proxy;
  readonly #release: (id: number, count: number) => void;
  readonly #collected = whenCollected<Import<Proxy>>((known) => {
    known.among.deleteCollected(known.id);
    this.#giveBack(known);
  });
  /** References remember for whom they were read, so each perspective has proxies of its own, and these go when it does. */
  readonly #proxies = new WeakMap<object, Proxies<Proxy>>();
  readonly #nobodys: Proxies<Proxy> = new WeakValues(this.#collected);
  readonly #imports = new WeakMap<Proxy, Import<Proxy>>();
  readonly #isTraced: boolean;
  readonly #traced = new Set<Import<Proxy>>();
  #held = 0;

  /** `release` is told how many references to an id are given back; it must not throw. */
  constructor(
    make: (id: number, perspective: Perspective) => Proxy,
    release: (id: number, count: number) => void,
    isTraced = false,
  ) {
    this.#isTraced = isTraced;
    this.#make = make;
    this.#release = release;
  }

  /** References received and not yet released. */
  get held(): number {
    return this.#held;
  }

  /** Counts one more reference to `id` and returns its proxy. */
  arrived(id: number, perspective: Perspective): Proxy {
    const proxies = this.#proxiesFor(perspective);
    let proxy = proxies.get(id);
    let known = proxy === undefined ? undefined : this.#imports.get(proxy);
    if (proxy === undefined || known === undefined) {
      proxy = this.#make(id, perspective);
      known = { id, among: proxies, count: 0, arrivals: [] };
      this.#imports.set(proxy, known);
      proxies.set(id, proxy, known);
    }
    known.count++;
    this.#held++;
    if (this.#isTraced) this.#trace(known);
    return proxy;
  }

  /** Gives back all references that `proxy` stands for. A later arrival makes a new proxy. */
  release(proxy: Proxy): void {
    const known = this.#imports.get(proxy);
    if (known === undefined) return;
    this.#imports.delete(proxy);
    known.among.delete(known.id, proxy);
    this.#giveBack(known);
  }

  /** Gives back one of the references that `proxy` stands for. Returns false, and does nothing, unless there are more of them. */
  returnOne(proxy: Proxy): boolean {
    const known = this.#imports.get(proxy);
    if (known === undefined || known.count === 1) return false;
    known.count--;
    known.arrivals.pop();
    this.#held--;
    this.#release(known.id, 1);
    return true;
  }

  /** Every reference held and where it arrived, the most numerous first. Empty when nothing is traced. */
  report(): string {
    const held = [...this.#traced].sort((a, b) => b.count - a.count);
    return held
      .map(({ id, count, arrivals }) => `object ${id}: ${count} references\n${arrivals.join("\n")}`)
      .join("\n");
  }

  #trace(known: Import<Proxy>): void {
    this.#traced.add(known);
    const stack = new Error().stack ?? "";
    known.arrivals.push(stack.split("\n").slice(3).join("\n"));
  }

  #proxiesFor(perspective: Perspective): Proxies<Proxy> {
    if (perspective === null) return this.#nobodys;
    let proxies = this.#proxies.get(perspective);
    if (proxies === undefined) this.#proxies.set(perspective, (proxies = new WeakValues(this.#collected)));
    return proxies;
  }

  #giveBack(known: Import<Proxy>): void {
    const { id, count } = known;
    known.count = 0;
    this.#traced.delete(known);
    this.#held -= count;
    this.#release(id, count);
  }
}
