// Records the path of one call through the files of @pb/broker, at both ends, and prints it: `npm run trace`.

import { register } from "node:module";
import type { Link } from "@pb/broker/extension";
import type { Direction, Entry } from "./trace.js";

const entries: Entry[] = [];
const isRecorded = (wanted: string): boolean =>
  entries.some((entry) => entry.direction === direction && entry.name === wanted);
/** The files of the functions that are running. */
const stack: string[] = [];
let direction: Direction | undefined;
let isRecording = false;

Object.assign(globalThis, {
  enterFunction(file: string, name: string): void {
    if (isRecording && name === "flush") direction = "flush";
    // The message has been handled when the broker is ready for the next one.
    if (name === "admitsMessage" && (direction === "answer out" || isRecorded(name))) direction = undefined;
    if (direction !== undefined && stack.at(-1) !== file) entries.push({ direction, file, name });
    stack.push(file);
  },
  leaveFunction: () => void stack.pop(),
});

register("./instrument.mjs", import.meta.url);
const { Broker, Root } = await import("@pb/broker");
const { linkPair } = await import("@pb/broker/testing");

/**
 * A link that records the messages received over it until they are handled, and those sent over it until they are sent.
 */
function recorded(link: Link, inbound: Direction): Link {
  return {
    role: link.role,
    peer: link.peer,
    get queuedBytes() {
      return link.queuedBytes;
    },
    start: (receiver) =>
      link.start({
        received(bytes) {
          if (isRecording) direction = inbound;
          receiver.received(bytes);
          direction = undefined;
        },
        drained: () => receiver.drained(),
        lost: (cause) => receiver.lost(cause),
      }),
    send(bytes) {
      direction = undefined;
      link.send(bytes);
    },
    close: () => link.close(),
    destroy: () => link.destroy(),
    pause: () => link.pause(),
    resume: () => link.resume(),
  };
}

class Echo extends Root {
  remote_echo(value: unknown): unknown {
    if (isRecording) direction = "answer out";
    return value;
  }
}

const links = linkPair();
const server = new Broker(recorded(links.listener, "call in"), { root: new Echo() });
const client = new Broker(recorded(links.initiator, "answer in"));
const echo = await client.getRootObject<Echo>();
await echo.callRemote("echo", 0); // The handshake and the first use of each part are not of interest.
isRecording = true;
direction = "call out";
await echo.callRemote("echo", { name: "Bob" });
isRecording = false;
await Promise.all([client.close(), server.close()]);

if (process.argv.includes("--json")) console.log(JSON.stringify(entries));
else
  for (const { direction: when, file, name } of entries) console.log(`${when.padEnd(11)} ${file.padEnd(32)} ${name}`);
