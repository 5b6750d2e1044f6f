// What everybody in the auction sees. Used by the server and by the page.

import { TypeRegistry } from "@pb/jelly-types";
import { Live, liveView } from "@pb/live";

export interface BoardState {
  readonly lot: string;
  readonly price: number;
  /** The highest bidder, if there is one. */
  readonly leader: string | null;
  /** Milliseconds until the lot is sold, when the board last changed, and in all. Clocks are never compared. */
  readonly msLeft: number;
  readonly lotMs: number;
  readonly bidders: readonly { readonly name: string; readonly isHere: boolean }[];
  /** The latest sales, the newest first. */
  readonly sales: readonly string[];
}

/** Keeps a copy in each page in step. */
export class Board extends Live<BoardState> {
  static override readonly remoteType: string = "auction.Board";
}

export const types: TypeRegistry = new TypeRegistry().register(liveView(Board.remoteType));
