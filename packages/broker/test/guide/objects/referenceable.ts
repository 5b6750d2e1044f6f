import { Referenceable, Root } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";

class Member extends Referenceable {
  remote_receive(from: string, text: string) {
    console.log(`${from}: ${text}`);
  }
}

class Room extends Referenceable {
  readonly #members = new Set<RemoteReference<Member>>();

  remote_join(member: RemoteReference<Member>) {
    this.#members.add(member);
  }

  async remote_say(from: string, text: string) {
    for (const member of this.#members) await member.call.receive(from, text);
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

const lobby = await chat.call.lobby(); // a reference: the room stays at the server
await lobby.call.join(new Member()); // the server receives a reference to the member
await lobby.call.say("Ann", "Good morning");

console.log(await chat.call.isLobby(lobby)); // the server receives its own object again
console.log((await chat.call.lobby()) === lobby); // there is one reference per object
