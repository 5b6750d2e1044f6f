// Sends a copy of an object. (howto/pb/copy_sender.py)

import { Copyable } from "@pb/broker";
import { InsecureJellyError } from "@pb/jelly-types";
import { connect } from "@pb/node-transport";
import type { Receiver } from "./copy_receiver.js";

class CopyPond extends Copyable {
  static readonly remoteType = "copy_sender.CopyPond";
  color = "green";
  numFrogs = 7;

  countFrogs(): void {
    console.log("%d frogs", this.numFrogs);
  }
}

const pond = new CopyPond();
pond.countFrogs();
console.log(pond.getTypeToCopy());

await using connection = await connect(`tcp:localhost:${process.argv[2] ?? 8800}`);
const receiver = await connection.getRootObject<Receiver>();
try {
  console.log("pond arrived", await receiver.callRemote("takePond", pond));
} catch (error) {
  console.log("error during takePond:");
  console.log(error instanceof InsecureJellyError ? " InsecureJelly" : error);
}
