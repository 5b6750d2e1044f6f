// Changes an object of which the server has a cache. (howto/pb/cache_sender.py)

import { connect } from "@pb/node-transport";
import { MasterDuckPond } from "./cache_classes.js";
import type { Receiver } from "./cache_receiver.js";

const pond = new MasterDuckPond(["one duck", "two duck"]);
pond.count();

await using connection = await connect(`tcp:localhost:${process.argv[2] ?? 8800}`);
const receiver = await connection.getRootObject<Receiver>();
await receiver.callRemote("takePond", pond);
pond.addDuck("ugly duckling");
pond.count();
await receiver.callRemote("checkDucks");
pond.removeDuck("one duck");
pond.count();
await receiver.callRemote("checkDucks");
await receiver.callRemote("ignorePond");
await receiver.callRemote("shutdown");
