// Shows the price. Start `npm run demo -- web 8787`, and in this folder `npx vite`.

import { live } from "@pb/live";
import { reconnecting } from "@pb/web-transport";
import type { Door, Seat } from "../web-auction/auction.js";
import { types } from "../web-auction/board.js";

const client = reconnecting<Seat>("/pb", {
  broker: { types },
  login: async (connection) => (await connection.getRootObject<Door>()).callRemote("enter", "Vite"),
});
const board = live(client, (seat) => seat.callRemote("board"));

board.subscribe(() => {
  const state = board.getSnapshot();
  if (state !== undefined) document.querySelector("h1")!.textContent = `${state.lot}: ${state.price}`;
});
