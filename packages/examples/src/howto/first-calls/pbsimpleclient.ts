// The smallest client. (examples/pbsimpleclient.py)

import { connect } from "@pb/node-transport";
import type { Echoer } from "./pbsimple.js";

await using connection = await connect(`tcp:localhost:${process.argv[2] ?? 8789}`);
const echoer = await connection.getRootObject<Echoer>();
console.log("server echoed:", await echoer.callRemote("echo", "hello network"));
