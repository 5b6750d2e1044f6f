// Calls an object of the client. (howto/pb/pb3server.py)

import { Root } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { listen } from "@pb/node-transport";
import type { Two } from "./pb3client.js";

export class One extends Root {
  async remote_takeTwo(two: RemoteReference<Two>): Promise<void> {
    console.log("received a Two called", two);
    console.log("telling it to print(12)");
    await two.callRemote("print", 12);
  }
}

await listen(`tcp:${process.argv[2] ?? 8800}:interface=127.0.0.1`, new One());
