// Calls the root object, which returns a reference to another object, and calls that one. (howto/pb/pb1client.py)

import { connect } from "@pb/node-transport";
import type { One } from "./pb1server.js";

await using connection = await connect(`tcp:localhost:${process.argv[2] ?? 8800}`);
const one = await connection.getRootObject<One>();
console.log("got first object:", one);
console.log("asking it to getTwo");
const two = await one.callRemote("getTwo");
console.log("got second object:", two);
console.log("telling it to do three(12)");
await two.callRemote("three", 12);
