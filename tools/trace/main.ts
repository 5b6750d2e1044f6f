// Records the path of one call through the files of @pb/broker, at both ends, and prints it: `npm run trace`.

import { register } from "node:module";

/**
 * `call out`: from `callRemote` to the buffer of the outbox. `flush`: from there to the link, once for all messages of
 * a turn. `call in`: from the received message to the method. `answer out` and `answer in`: the way back.
 */
type Direction = "call out" | "flush" | "call in" | "answer out" | "answer in";

/** The functions, in the order in which they are entered, at which a direction begins or the recording pauses. */
const changes: [name: string, direction: Direction | undefined][] = [];
let direction: Direction | undefined;

/** Returns whether a direction begins. */
function changeDirection(name: string): boolean {
  if (changes[0]?.[0] !== name) return false;
  const before = direction;
  [, direction] = changes.shift()!;
  return direction !== before;
}

/** The files of the functions that are running. */
const stack: string[] = [];

Object.assign(globalThis, {
  enterFunction(file: string, name: string): void {
    const begins = changeDirection(name);
    // A line is the first call of a direction, or a call of a function from a function in another file.
    if (direction !== undefined && (begins || stack.at(-1) !== file))
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
  ["#flushScheduled", "flush"],
  ["send", "flush"], // The connection passes it on.
  ["send", undefined], // The link has the message.
  ["#receive", "call in"],
  ["remote_echo", "answer out"],
  ["rest", undefined], // The server is ready for the next message.
  ["#flushScheduled", "flush"],
  ["send", "flush"], // The connection passes it on.
  ["send", undefined], // The link has the message.
  ["#receive", "answer in"],
  ["rest", undefined], // The client is ready for the next message.
);
await echo.callRemote("echo", { name: "Bob" });
await Promise.all([client.close(), server.close()]);
