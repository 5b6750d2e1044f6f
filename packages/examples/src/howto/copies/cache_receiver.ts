// Keeps a cache of an object of the client, until it releases the cache. (howto/pb/cache_receiver.py)

import { Root } from "@pb/broker";
import { listen } from "@pb/node-transport";
import { types } from "./cache_classes.js";
import type { SlaveDuckPond } from "./cache_classes.js";

export class Receiver extends Root {
  #pond: SlaveDuckPond | undefined;

  remote_takePond(pond: object): void {
    this.#pond = pond as SlaveDuckPond;
    console.log("got pond:", pond);
    this.remote_checkDucks();
  }

  remote_checkDucks(): void {
    const { ducks } = this.#pond!;
    console.log("[%d] ducks: ", ducks.length, ducks);
  }

  remote_ignorePond(): void {
    // Disposing the cache calls stoppedObserving of the original.
    console.log("dropping pond");
    this.#pond?.[Symbol.dispose]();
    this.#pond = undefined;
  }

  remote_shutdown(): void {
    void server.close();
  }
}

const server = await listen(`tcp:${process.argv[2] ?? 8800}:interface=127.0.0.1`, new Receiver(), {
  broker: { types },
});
