// A method that returns a Referenceable: the client receives a reference to it. (howto/pb/pb1server.py)

import { Referenceable, Root } from "@pb/broker";
import { listen } from "@pb/node-transport";

export class Two extends Referenceable {
  remote_three(arg: number): void {
    console.log("Two.three was given", arg);
  }
}

export class One extends Root {
  remote_getTwo(): Two {
    const two = new Two();
    console.log("returning a Two called", two);
    return two;
  }
}

await listen(`tcp:${process.argv[2] ?? 8800}:interface=127.0.0.1`, new One());
