// A board of cards that all pages see change.

import { PBError, Root } from "@pb/broker";
import { Live } from "@pb/live";
import { listen } from "@pb/web-transport/node";

export interface Card {
  readonly text: string;
  readonly done: boolean;
}

const board = new Live<{ readonly cards: readonly Card[] }>({ cards: [] });

export class Office extends Root {
  remote_board() {
    return board; // each page gets a copy that follows
  }

  remote_add(text: string) {
    if (typeof text !== "string" || text.length > 200) throw new PBError("A card has at most 200 characters");
    if (board.state.cards.length >= 100) throw new PBError("The board is full");
    board.update((draft) => void draft.cards.push({ text, done: false })); // only this card is sent
  }

  remote_toggle(index: number) {
    board.update((draft) => {
      const card = draft.cards[index];
      if (card !== undefined) card.done = !card.done;
    });
  }
}

// Pages of other addresses are refused: without `origins`, only those of this host and port are accepted.
const origins = ["http://localhost:5173", "http://127.0.0.1:5173"];
await listen("ws:8787:interface=127.0.0.1:path=/pb", new Office(), { origins });
console.log("Listening on port 8787");
