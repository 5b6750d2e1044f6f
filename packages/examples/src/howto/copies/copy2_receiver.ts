// Receives a copy with fewer properties than the original. (howto/pb/copy2_receiver.py)

import { Root } from "@pb/broker";
import { listen } from "@pb/node-transport";
import { types } from "./copy2_classes.js";
import type { ReceiverPond } from "./copy2_classes.js";

export class Receiver extends Root {
  remote_takePond(pond: object): string {
    console.log(" got pond:", pond);
    console.log(" count %d", (pond as ReceiverPond).count());
    return "safe and sound"; // positive acknowledgement
  }

  remote_shutdown(): void {
    void server.close();
  }
}

const server = await listen(`tcp:${process.argv[2] ?? 8800}:interface=127.0.0.1`, new Receiver(), {
  broker: { types },
});
