// Receives copies of objects, as instances of its own class. (howto/pb/copy_receiver.tac)

import { RemoteCopy, remoteCopy, Root } from "@pb/broker";
import { TypeRegistry } from "@pb/jelly-types";
import { listen } from "@pb/node-transport";

class ReceiverPond extends RemoteCopy {
  declare color: string;
  declare numFrogs: number;

  countFrogs(): void {
    console.log("%d frogs", this.numFrogs);
  }
}

export class Receiver extends Root {
  remote_takePond(pond: object): string {
    console.log(" got pond:", pond);
    (pond as ReceiverPond).countFrogs();
    return "safe and sound"; // positive acknowledgement
  }

  remote_shutdown(): void {
    void server.close();
  }
}

const types = new TypeRegistry().register(remoteCopy("copy_sender.CopyPond", ReceiverPond));
const server = await listen(`tcp:${process.argv[2] ?? 8800}:interface=127.0.0.1`, new Receiver(), {
  broker: { types },
});
