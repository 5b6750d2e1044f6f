/**
 * npm run bench -- stream [MEGABYTES=100 [MEGABYTES_PER_SECOND=20]]: measures the memory of a server and a client while
 * a stream goes through a slow reader. Fails when the resident memory of one of them grows by 32 MiB or more.
 */

import { Root } from "@pb/broker";
import { connect, listen } from "@pb/node-transport";
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

const CHUNK = 64 * 1024;
const LIMIT_MIB = 32;
const [megabytes = 100, speed = 20] = process.argv
  .slice(2)
  .map(Number)
  .filter((value) => value > 0);

class Library extends Root {
  async *remote_read(bytes: number): AsyncGenerator<Uint8Array> {
    for (let sent = 0; sent < bytes; sent += CHUNK) yield new Uint8Array(CHUNK);
  }
}

/** Watches how far the resident memory grows, in MiB. */
function watchMemory(): () => number {
  const start = process.memoryUsage.rss();
  let most = start;
  setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 20).unref();
  return () => (Math.max(most, process.memoryUsage.rss()) - start) / 2 ** 20;
}

async function serve(): Promise<void> {
  const server = await listen("tcp:0:interface=127.0.0.1", new Library());
  let growth = watchMemory();
  process.on("message", (message) => {
    if (message === "start") growth = watchMemory();
    else process.send!(growth());
  });
  process.send!(server.port);
}

async function read(): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url), { env: { ...process.env, STREAM_SERVER: "1" } });
  const message = (): Promise<number> =>
    new Promise((resolve) => child.once("message", (value) => resolve(Number(value))));
  const client = await connect(`tcp:127.0.0.1:${await message()}`);
  const library = await client.getRootObject<Library>();
  // What a process takes once: code, and buffers of the socket.
  for await (const _chunk of await library.call.read(20e6));
  child.send("start");
  const growth = watchMemory();
  const start = performance.now();
  let received = 0;
  for await (const chunk of await library.call.read(megabytes * 1e6)) {
    received += chunk.length;
    const ahead = received / (speed * 1e3) - (performance.now() - start);
    if (ahead > 1) await new Promise((resolve) => setTimeout(resolve, ahead));
  }
  const seconds = (performance.now() - start) / 1000;
  child.send("stop");
  const [server, reader] = [await message(), growth()];
  child.kill();
  await client.close();
  const speedText = `${(received / 1e6).toFixed(0)} MB in ${seconds.toFixed(1)} s`;
  console.log(
    `${speedText}; the memory grew by ${server.toFixed(1)} MiB (server) and ${reader.toFixed(1)} MiB (reader)`,
  );
  if (server >= LIMIT_MIB || reader >= LIMIT_MIB) process.exitCode = 1;
}

await (process.env.STREAM_SERVER === "1" ? serve() : read());
