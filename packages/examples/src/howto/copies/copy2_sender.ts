// Sends a copy with fewer properties than the original. (howto/pb/copy2_sender.py)

import { connect } from "@pb/node-transport";
import { SenderPond } from "./copy2_classes.js";
import type { Receiver } from "./copy2_receiver.js";

const pond = new SenderPond(3, 4);
console.log("count %d", pond.count());

await using connection = await connect(`tcp:localhost:${process.argv[2] ?? 8800}`);
const receiver = await connection.getRootObject<Receiver>();
console.log("pond arrived", await receiver.callRemote("takePond", pond));
