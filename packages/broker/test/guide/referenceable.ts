import { Referenceable, Root } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";

class Listener extends Referenceable {
  remote_heard(from: string, text: string) {
    console.log(`${from}: ${text}`);
  }
}

class Room extends Referenceable {
  readonly #listeners = new Set<RemoteReference<Listener>>();

  remote_enter(listener: RemoteReference<Listener>) {
    this.#listeners.add(listener);
  }

  async remote_say(from: string, text: string) {
    for (const listener of this.#listeners) await listener.callRemote("heard", from, text);
  }
}

class Chat extends Root {
  readonly #lobby = new Room();

  remote_lobby() {
    return this.#lobby;
  }

  remote_isLobby(room: Room) {
    return room === this.#lobby;
  }
}

const { client } = await connectedPair({ root: new Chat() });
const chat = await client.getRootObject<Chat>();
const lobby = await chat.callRemote("lobby"); // a reference: the room stays where it is
await lobby.callRemote("enter", new Listener()); // the server gets a reference to our listener
await lobby.callRemote("say", "Ann", "Good morning");
console.log(await chat.callRemote("isLobby", lobby)); // sent back, it is the room itself
console.log((await chat.callRemote("lobby")) === lobby); // one reference for each object
