import { broadcast, Cacheable, RemoteCache, remoteCache, Root } from "@pb/broker";
import type { CacheObserver, Perspective } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";

class Board extends Cacheable {
  static readonly remoteType = "shop.Board";
  readonly #observers = new Set<CacheObserver<BoardCopy>>();
  readonly #cards = { a: { text: "Buy apples", done: false }, b: { text: "Bake bread", done: false } };

  getStateToCacheAndObserveFor(_perspective: Perspective, observer: CacheObserver<BoardCopy>) {
    this.#observers.add(observer);
    return { cards: this.#cards };
  }

  override stoppedObserving(_perspective: Perspective, observer: CacheObserver<BoardCopy>) {
    this.#observers.delete(observer);
  }

  finish(id: "a" | "b") {
    this.#cards[id].done = true; // the change,
    broadcast(this.#observers, "finished", id); // and the message about it
  }
}

class BoardCopy extends RemoteCache {
  declare cards: Record<string, { text: string; done: boolean }>;

  observe_finished(id: string) {
    this.cards[id]!.done = true; // the same change again
  }
}

class Office extends Root {
  readonly #board = new Board();

  remote_board() {
    return this.#board;
  }

  remote_finish(id: "a" | "b") {
    this.#board.finish(id);
  }
}

interface OfficeCalls {
  board(): BoardCopy;
  finish(id: string): void;
}

const types = new TypeRegistry().register(remoteCache("shop.Board", BoardCopy));
const { client } = await connectedPair({ root: new Office() }, { types });
const office = await client.getRootObject<OfficeCalls>();

const board = await office.call.board();
await office.call.finish("a");
console.log(board.cards);
