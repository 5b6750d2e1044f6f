// A chat room. Each member gives the room an object of its own program, which the room calls for every message.

import { PBError, Referenceable, Root } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { listen } from "@pb/node-transport";
import type { Screen } from "./client.js";

class Seat extends Referenceable {
  constructor(readonly remote_say: (text: string) => void) {
    super();
  }
}

export class Room extends Root {
  readonly #screens = new Map<string, RemoteReference<Screen>>();

  remote_join(name: string, screen: RemoteReference<Screen>) {
    if (this.#screens.has(name)) throw new PBError(`The name ${name} is taken`);
    this.#screens.set(name, screen);
    screen.notifyOnDisconnect(() => {
      this.#screens.delete(name);
      this.#tell(`${name} has left`);
    });
    this.#tell(`${name} has joined`);
    return new Seat((text) => this.#tell(`${name}: ${text}`)); // the client cannot speak for another member
  }

  #tell(text: string) {
    for (const screen of this.#screens.values()) screen.sendRemote("show", text);
  }
}

await listen("tcp:8787:interface=127.0.0.1", new Room());
console.log("Listening on port 8787");
