// Shows the price. Start `npm run demo -- web 8787`, and in this folder `npx vite`.

import { reconnecting } from "@pb/web-transport";
import type { Door, Seat } from "../web-auction/auction.js";
import { types } from "../web-auction/board.js";
import type { BoardCopy } from "../web-auction/board.js";

const client = reconnecting<Seat>("/pb", {
  broker: { types },
  login: async (connection) => (await connection.getRootObject<Door>()).callRemote("enter", "Vite"),
});
client.onState(({ is }) => {
  if (is === "ready") void showBoard();
});

let board: BoardCopy; // it is kept up to date as long as the page refers to it
async function showBoard(): Promise<void> {
  board = (await client.callRemote("board")) as unknown as BoardCopy;
  board.watch(({ lot, price }) => (document.querySelector("h1")!.textContent = `${lot}: ${price}`));
}
