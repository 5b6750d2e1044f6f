import { Referenceable, Root } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { connect, listen } from "../../../node-transport/src/index.js";

class Guest extends Referenceable {
  remote_hear(text: string) {
    console.log(text);
  }
}

class Greeter extends Root {
  remote_greet(name: string, guest: RemoteReference<Guest>) {
    guest.sendRemote("hear", `Welcome, ${name}!`); // the server calls the client
    return name.length;
  }
}

const server = await listen("tcp:8787:interface=127.0.0.1", new Greeter());

const connection = await connect("tcp:localhost:8787"); // in another process, usually
const greeter = await connection.getRootObject<Greeter>();
const length = await greeter.callRemote("greet", "Ann", new Guest()); // a number, and the compiler knows
console.log(length);

await connection.close();
await server.close();
