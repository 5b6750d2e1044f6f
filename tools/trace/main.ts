// Records the path of one call through the files of @pb/broker, at both ends, and prints it: `npm run trace`.

import { register } from "node:module";

/**
 * `call out`: from `callRemote` to the buffer of the outbox. `flush`: from there to the link, once for all messages of
 * a turn. `call in`: from the link to the method. `answer out` and `answer in`: the way back.
 */
type Direction = "call out" | "flush" | "call in" | "answer out" | "answer in";

/** The functions, in the order in which they are entered, at which a direction begins or the recording pauses. */
const changes: [name: string, direction: Direction | undefined][] = [];
let direction: Direction | undefined;

function changeDirection(name: string): void {
  if (changes[0]?.[0] === name) [, direction] = changes.shift()!;
}

/** The files of the functions that are running. */
const stack: string[] = [];

Object.assign(globalThis, {
  enterFunction(file: string, name: string): void {
    changeDirection(name);
    // A line is a call of a function from a function in another file.
    if (direction !== undefined && stack.at(-1) !== file)
      console.log(`${direction.padEnd(11)} ${file.padEnd(32)} ${name}`);
    stack.push(file);
  },
  leaveFunction: () => void stack.pop(),
});

register("./instrument.mjs", import.meta.url);
const { Broker, Root } = await import("@pb/broker");
const { linkPair } = await import("@pb/broker/testing");

class Echo extends Root {
  remote_echo(value: unknown): unknown {
    changeDirection("remote_echo");
    return value;
  }
}

const { listener, initiator } = linkPair();
const server = new Broker(listener, { root: new Echo() });
const client = new Broker(initiator);
const echo = await client.getRootObject<Echo>();
await echo.callRemote("echo", 0); // The handshake and the first use of each part are not of interest.

changes.push(
  ["callRemote", "call out"],
  ["flush", "flush"],
  ["send", undefined], // The link has the message.
  ["#received", "call in"],
  ["remote_echo", "answer out"],
  ["rest", undefined], // The server is ready for the next message.
  ["flush", "flush"],
  ["send", undefined], // The link has the message.
  ["#received", "answer in"],
  ["readMessage", "answer in"],
  ["rest", undefined], // The client is ready for the next message.
);
await echo.callRemote("echo", { name: "Bob" });
await Promise.all([client.close(), server.close()]);
