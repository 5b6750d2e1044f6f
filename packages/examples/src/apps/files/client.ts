// Sends 5 MB to the server, and gets it back: npx tsx client.ts

import { connect } from "@pb/node-transport";
import type { Files } from "./server.js";

/** Passes the parts on, and prints how far the transfer is, in steps of 25 %. */
async function* withProgress(what: string, size: number, parts: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const { part, done } of count(parts)) {
    const [before, now] = [done - part.length, done].map((bytes) => Math.floor((4 * bytes) / size));
    if (before !== now) console.log(`${what} ${now! * 25} %`);
    yield part;
  }
}

async function* count(parts: AsyncIterable<Uint8Array>) {
  let done = 0;
  for await (const part of parts) yield { part, done: (done += part.length) };
}

await using connection = await connect("tcp:127.0.0.1:8787");
const files = await connection.getRootObject<Files>();

async function* video() {
  for (let part = 0; part < 100; part++) yield new Uint8Array(50_000).fill(7); // for a file: createReadStream(path)
}
await files.callRemote("upload", "video.bin", withProgress("upload", 5_000_000, video()));
console.log(await files.callRemote("list"));

const size = await files.callRemote("size", "video.bin");
let sum = 0;
for await (const part of withProgress("download", size, await files.callRemote("download", "video.bin")))
  sum += part.reduce((total, byte) => total + byte, 0);
console.log(sum === 7 * 5_000_000 ? "The file is the same" : "The file is damaged");
