// A node of the demo: prints where clients connect, and ends when its standard input does.
// Arguments: the name of the node, and the NATS servers.

import { natsEngine } from "@pb/cluster/nats";
import { startNode } from "../../../packages/cluster/test/guide/node.js";

const [name = "", servers = ""] = process.argv.slice(2);
const node = await startNode(name, await natsEngine({ servers, leaseMs: 1_000 }), "secret");
console.log(node.endpoint);
process.stdin.resume().once("end", () => void node.close());
