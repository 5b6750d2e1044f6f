// A peer that does not read costs the server a bounded amount of memory, measured in a process of its own.

import { once } from "node:events";
import { connect as connectSocket } from "node:net";
import type { Socket } from "node:net";
import { expect, test } from "vitest";
import { BananaWriter, encode } from "@pb/banana";
import { connect } from "@pb/node-transport";
import { Program } from "./programs/run.js";
import { sleep, until } from "./worlds.js";

const MEBIBYTE = 1024 * 1024;

interface Held {
  readonly rss: number;
  readonly used: number;
  readonly queued: number;
  readonly calls: number;
}

async function server(): Promise<Program & { port: number; held(): Promise<Held> }> {
  const program = new Program("echo-server.ts", ["tcp:0:interface=127.0.0.1"], { nodeFlags: ["--expose-gc"] });
  const port = Number(await program.line());
  return Object.assign(program, { port, held: async () => (await program.ask()) as Held });
}

/** A peer that speaks the protocol and reads nothing. */
async function deaf(port: number): Promise<Socket> {
  const socket = connectSocket(port, "127.0.0.1");
  await once(socket, "connect");
  socket.pause();
  socket.write(encode(new TextEncoder().encode("pb")));
  return socket;
}

/** `count` calls of `much`, which has answers of half a megabyte to 50 bytes. */
function calls(count: number, firstId = 1): Uint8Array {
  const writer = new BananaWriter({ dialect: "pb" });
  for (let id = firstId; id < firstId + count; id++) {
    writer.list(7);
    writer.word("message");
    writer.integer(id);
    writer.word("root");
    writer.word("much");
    writer.integer(1);
    writer.list(2);
    writer.word("tuple");
    writer.integer(500_000);
    writer.list(1);
    writer.word("dictionary");
  }
  return writer.take();
}

/** What the program holds when it has queued as many answers as it will, and no longer changes. */
async function settled(program: { held(): Promise<Held> }): Promise<Held> {
  for (let before = await program.held(); ;) {
    await sleep(500);
    const after = await program.held();
    if (after.queued > 10 * MEBIBYTE && after.queued === before.queued && after.calls === before.calls) return after;
    before = after;
  }
}

test("a client that calls and never reads cannot make the server grow beyond its limit", async () => {
  await using program = await server();
  const socket = await deaf(program.port);
  const before = await program.held();
  // Five thousand megabytes of answers, asked for in 250 kilobytes.
  socket.write(calls(10_000));
  const after = await settled(program);
  expect(after.queued).toBeLessThan(18 * MEBIBYTE);
  expect(after.used - before.used).toBeLessThan(32 * MEBIBYTE);
  expect(after.rss - before.rss).toBeLessThan(96 * MEBIBYTE);
  expect(after.calls).toBeLessThan(100);

  // Others are served as if nothing were.
  await using other = await connect(`tcp:127.0.0.1:${program.port}`);
  const root = await other.getRootObject();
  expect(await root.callRemote("echo", "meanwhile")).toBe("meanwhile");
  socket.destroy();
});

test("a client that reads late gets every answer", async () => {
  await using program = await server();
  const socket = await deaf(program.port);
  socket.write(calls(200));
  await sleep(500);
  expect((await program.held()).calls).toBeLessThan(100);
  let received = 0;
  socket.on("data", (bytes: Buffer) => (received += bytes.length)).resume();
  await until(() => received > 200 * 500_000, "all has come");
  const held = await program.held();
  expect(held).toMatchObject({ queued: 0, calls: 200 });
  socket.destroy();
});
