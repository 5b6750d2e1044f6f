// A Cacheable, and the RemoteCache that receives its updates. (howto/pb/cache_classes.py)

import { Cacheable, RemoteCache, remoteCache } from "@pb/broker";
import type { CacheObserver, Perspective } from "@pb/broker";
import { TypeRegistry } from "@pb/jelly-types";

export class MasterDuckPond extends Cacheable {
  static readonly remoteType = "cache_classes.MasterDuckPond";
  readonly #observers = new Set<CacheObserver>();
  #ducks: string[];

  constructor(ducks: string[]) {
    super();
    this.#ducks = ducks;
  }

  count(): void {
    console.log("I have [%d] ducks", this.#ducks.length);
  }

  addDuck(duck: string): void {
    this.#ducks.push(duck);
    for (const observer of this.#observers) observer.sendRemote("addDuck", duck);
  }

  removeDuck(duck: string): void {
    this.#ducks = this.#ducks.filter((other) => other !== duck);
    for (const observer of this.#observers) observer.sendRemote("removeDuck", duck);
  }

  override getStateToCacheAndObserveFor(_perspective: Perspective, observer: CacheObserver): string[] {
    this.#observers.add(observer);
    return this.#ducks; // The observers are not part of the state.
  }

  override stoppedObserving(_perspective: Perspective, observer: CacheObserver): void {
    this.#observers.delete(observer);
  }
}

export class SlaveDuckPond extends RemoteCache {
  declare ducks: string[];

  override setCopyableState(state: string[]): void {
    console.log(" cache - sitting, er, setting ducks");
    this.ducks = state;
  }

  observe_addDuck(duck: string): void {
    console.log(" cache - addDuck");
    this.ducks.push(duck);
  }

  observe_removeDuck(duck: string): void {
    console.log(" cache - removeDuck");
    this.ducks = this.ducks.filter((other) => other !== duck);
  }
}

export const types = new TypeRegistry().register(remoteCache(MasterDuckPond.remoteType, SlaveDuckPond));
