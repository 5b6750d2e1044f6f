// Passes an object to the server, which calls it. (howto/pb/pb3client.py)

import { Referenceable } from "@pb/broker";
import { connect } from "@pb/node-transport";
import type { One } from "./pb3server.js";

export class Two extends Referenceable {
  remote_print(arg: number): void {
    console.log("Two.print() called with", arg);
    called();
  }
}

let called: () => void;
const wasCalled = new Promise<void>((resolve) => (called = resolve));

await using connection = await connect(`tcp:localhost:${process.argv[2] ?? 8800}`);
const one = await connection.getRootObject<One>();
console.log("got One:", one);
console.log("giving it our two");
await one.callRemote("takeTwo", new Two());
await wasCalled;
