// The memory of a server whose client does not read, measured in a separate process.

import { once } from "node:events";
import { connect as connectSocket } from "node:net";
import type { Socket } from "node:net";
import { expect, test } from "vitest";
import { BananaWriter, encode } from "@pb/banana";
import { connect } from "@pb/node-transport";
import { Program } from "../support/program.js";
import { sleep, until } from "../support/echo.js";

const MEBIBYTE = 1024 * 1024;

interface Usage {
  readonly rss: number;
  readonly used: number;
  readonly queued: number;
  readonly calls: number;
}

async function server(): Promise<Program & { port: number; usage(): Promise<Usage> }> {
  const program = new Program("echo-server.ts", ["tcp:0:interface=127.0.0.1"], { nodeFlags: ["--expose-gc"] });
  const port = Number(await program.line());
  return Object.assign(program, { port, usage: async () => (await program.ask()) as Usage });
}

/** A client that negotiates and does not read. */
async function connectWithoutReading(port: number): Promise<Socket> {
  const socket = connectSocket(port, "127.0.0.1");
  await once(socket, "connect");
  socket.pause();
  socket.write(encode(new TextEncoder().encode("pb")));
  return socket;
}

/** The bytes of `count` calls of `much`. Each call has 50 bytes, and its answer half a megabyte. */
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

/** The usage when the program has queued as many answers as it will. */
async function settledUsage(program: { usage(): Promise<Usage> }): Promise<Usage> {
  for (let before = await program.usage(); ;) {
    await sleep(500);
    const after = await program.usage();
    if (after.queued > 10 * MEBIBYTE && after.queued === before.queued && after.calls === before.calls) return after;
    before = after;
  }
}

test("limits the memory that is used by a client that calls and never reads", async () => {
  await using program = await server();
  const socket = await connectWithoutReading(program.port);
  const before = await program.usage();
  // 250 kilobytes of calls whose answers would have 5,000 megabytes.
  socket.write(calls(10_000));
  const after = await settledUsage(program);
  expect(after.queued).toBeLessThan(18 * MEBIBYTE);
  expect(after.used - before.used).toBeLessThan(32 * MEBIBYTE);
  expect(after.rss - before.rss).toBeLessThan(96 * MEBIBYTE);
  expect(after.calls).toBeLessThan(100);

  // Other clients are served normally.
  await using other = await connect(`tcp:127.0.0.1:${program.port}`);
  const root = await other.getRootObject();
  expect(await root.callRemote("echo", "meanwhile")).toBe("meanwhile");
  socket.destroy();
});

test("sends every answer to a client that reads late", async () => {
  await using program = await server();
  const socket = await connectWithoutReading(program.port);
  socket.write(calls(200));
  await sleep(500);
  expect((await program.usage()).calls).toBeLessThan(100);
  let received = 0;
  socket.on("data", (bytes: Buffer) => (received += bytes.length)).resume();
  await until(() => received > 200 * 500_000, "all answers have arrived");
  const usage = await program.usage();
  expect(usage).toMatchObject({ queued: 0, calls: 200 });
  socket.destroy();
});
