// Joins the chat, and says each line of its input: npx tsx client.ts Ann

import { createInterface } from "node:readline";
import { Referenceable } from "@pb/broker";
import { connect } from "@pb/node-transport";
import type { Room } from "./server.js";

export class Screen extends Referenceable {
  remote_show(text: string) {
    console.log(text);
  }
}

await using connection = await connect("tcp:127.0.0.1:8787");
const room = await connection.getRootObject<Room>();
const seat = await room.callRemote("join", process.argv[2] ?? "Ann", new Screen());
for await (const line of createInterface(process.stdin)) await seat.callRemote("say", line);
