// When the client passes a reference back, the server receives its own object. (howto/pb/pb2server.py)

import { Referenceable, Root } from "@pb/broker";
import { listen } from "@pb/node-transport";

export class Two extends Referenceable {
  remote_print(arg: unknown): void {
    console.log("two.print was given", arg);
  }
}

export class One extends Root {
  readonly #two: Two;

  constructor(two: Two) {
    super();
    this.#two = two;
  }

  remote_getTwo(): Two {
    console.log("One.getTwo(), returning my two called", this.#two);
    return this.#two;
  }

  remote_checkTwo(newTwo: Two): void {
    console.log("One.checkTwo(): comparing my two", this.#two);
    console.log("One.checkTwo(): against your two", newTwo);
    if (this.#two === newTwo) console.log("One.checkTwo(): our twos are the same");
  }
}

await listen(`tcp:${process.argv[2] ?? 8800}:interface=127.0.0.1`, new One(new Two()));
