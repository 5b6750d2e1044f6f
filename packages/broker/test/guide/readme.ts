import { Referenceable, Root } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { connect, listen } from "../../../node-transport/src/index.js";

// The server.

class Greeter extends Root {
  remote_greet(name: string, guest: RemoteReference<Guest>) {
    guest.sendRemote("receive", `Welcome, ${name}!`); // the server calls the client
    return name.length;
  }
}

const server = await listen("tcp:8787:interface=127.0.0.1", new Greeter());

// The client, usually in another process.

class Guest extends Referenceable {
  remote_receive(text: string) {
    console.log(text);
  }
}

const connection = await connect("tcp:localhost:8787");
const greeter = await connection.getRootObject<Greeter>();
const length = await greeter.call.greet("Ann", new Guest()); // its type is number
console.log(length);

await connection.close();
await server.close();
