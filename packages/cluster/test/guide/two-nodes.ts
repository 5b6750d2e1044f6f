import { MemoryEngine, MemoryServer } from "@pb/cluster";
import { TypeRegistry } from "@pb/jelly-types";
import { live, liveView } from "@pb/live";
import { reconnecting } from "@pb/node-transport";
import { startNode } from "./node.js";
import type { Office } from "./node.js";

const server = new MemoryServer(); // In place of NATS: both nodes are in this process.
const first = await startNode("a", new MemoryEngine({ server }), "secret");
const second = await startNode("b", new MemoryEngine({ server }), "secret");

const types = new TypeRegistry().register(liveView());
const client = reconnecting<Office>(second.endpoint, { broker: { types } });
const board = live(client, (office) => office.callRemote("board"));
await client.callRemote("add", "1", "Buy apples");
console.log(second.board.home, board.status, board.getSnapshot());

await first.close(); // The home ends, and the other node takes over.
await second.board.with({ once: true }).call.add("2", "Bake bread");
console.log(second.board.home, board.status, second.board.getSnapshot());

await client.close();
await second.close();
