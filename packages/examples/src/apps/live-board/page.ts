// The page: shows the board, and follows it, also after the connection was lost.

import { TypeRegistry } from "@pb/jelly-types";
import { live, liveView } from "@pb/live";
import { reconnecting } from "@pb/web-transport";
import type { Office } from "./server.js";

const client = reconnecting<Office>("ws://127.0.0.1:8787/pb", {
  broker: { types: new TypeRegistry().register(liveView()) },
});
const board = live(client, (office) => office.callRemote("board"));
const [form, list, status] = ["form", "ul", "p"].map((name) => document.querySelector<HTMLElement>(name)!);

function render() {
  status!.textContent = board.status;
  const cards = board.getSnapshot()?.cards ?? [];
  list!.replaceChildren(
    ...cards.map(({ text, done }, index) => {
      const item = document.createElement("li");
      item.textContent = `${done ? "☑" : "☐"} ${text}`; // never innerHTML for what others have written
      item.onclick = () => void client.callRemote("toggle", index).catch(show);
      return item;
    }),
  );
}

function show(error: unknown) {
  status!.textContent = String(error);
}

form!.onsubmit = (event) => {
  event.preventDefault();
  const input = form!.querySelector("input")!;
  client.callRemote("add", input.value).then(() => (input.value = ""), show);
};
board.subscribe(render);
render();
