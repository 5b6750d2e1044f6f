import { TypeRegistry } from "@pb/jelly-types";
import { live, liveView } from "@pb/live";
import { reconnecting } from "@pb/node-transport";
import type { Office } from "./server.js";

const client = reconnecting<Office>("tcp:localhost:8787", {
  broker: { types: new TypeRegistry().register(liveView()) },
});
const board = live(client, (office) => office.callRemote("board")); // again on every connection

const open = board.select(({ cards }) => Object.values(cards).filter((card) => !card.done).length);
open.subscribe(() => console.log(open.status, open.getSnapshot()));
await new Promise<void>((resolve) => open.subscribe(resolve)); // the state has arrived: live 1

await client.callRemote("finish", "a"); // live 0
