// Joins a group and sends a message. The server calls this client for each message. (howto/pb/chatclient.py)

import { Referenceable } from "@pb/broker";
import { login, UsernamePassword } from "@pb/cred";
import { connect } from "@pb/node-transport";
import type { User } from "./chatserver.js";

export class Client extends Referenceable {
  remote_print(message: string): void {
    console.log(message);
  }
}

await using connection = await connect(`tcp:localhost:${process.argv[2] ?? 8800}`);
const perspective = await login<User>(connection, new UsernamePassword("alice", "1234"), new Client());
console.log("connected, joining group #NeedAFourth");
const group = await perspective.callRemote("joinGroup", "#NeedAFourth");
console.log("joined group, now sending a message to all members");
await group.callRemote("send", "You can call me Al.");
