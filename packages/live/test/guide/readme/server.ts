import { Root } from "@pb/broker";
import { Live } from "@pb/live";
import { listen } from "@pb/node-transport";

interface BoardState {
  readonly cards: Readonly<Record<string, { readonly text: string; readonly done: boolean }>>;
}

const board = new Live<BoardState>({ cards: { a: { text: "Buy apples", done: false } } });

export class Office extends Root {
  remote_board() {
    return board; // each caller gets a copy that follows
  }

  remote_finish(id: string) {
    board.update((draft) => {
      draft.cards[id]!.done = true; // what has changed is sent, and nothing else
    });
  }
}

await listen("tcp:8787", new Office());
