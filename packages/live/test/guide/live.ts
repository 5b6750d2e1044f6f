import { Root } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";
import { Live, liveView } from "@pb/live";
import type { LiveView } from "@pb/live";

interface BoardState {
  readonly cards: Readonly<Record<string, { readonly text: string; readonly done: boolean }>>;
}

class Office extends Root {
  readonly #board = new Live<BoardState>({
    cards: { a: { text: "Buy apples", done: false }, b: { text: "Bake bread", done: false } },
  });

  remote_board() {
    return this.#board;
  }

  remote_finish(id: string) {
    this.#board.update((draft) => {
      draft.cards[id]!.done = true;
    });
  }
}

interface OfficeCalls {
  board(): LiveView<BoardState>;
  finish(id: string): void;
}

const types = new TypeRegistry().register(liveView());
const pair = await connectedPair({ root: new Office() }, { types });
const office = await pair.client.getRootObject<OfficeCalls>();

const board = await office.call.board();
board.subscribe(() => console.log("changed:", board.getSnapshot().cards.a));
const bread = board.select(({ cards }) => cards.b);
bread.subscribe(() => console.log("the bread has changed"));

const before = board.getSnapshot();
await office.call.finish("a");
const after = board.getSnapshot(); // the patch arrived before the answer
console.log(before === after, before.cards.b === after.cards.b, Object.isFrozen(after));
console.log(pair.transcript().find((line) => line.includes("cachemessage")));
