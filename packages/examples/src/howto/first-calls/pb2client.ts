// Passes a reference back to the server. (howto/pb/pb2client.py)

import { connect } from "@pb/node-transport";
import type { One } from "./pb2server.js";

await using connection = await connect(`tcp:localhost:${process.argv[2] ?? 8800}`);
const one = await connection.getRootObject<One>();
console.log("got one object:", one);
console.log("asking it to getTwo");
const two = await one.callRemote("getTwo");
console.log("got two object:", two);
console.log("giving it back to one");
console.log("one is", one);
await one.callRemote("checkTwo", two);
