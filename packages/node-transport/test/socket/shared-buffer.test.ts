// Clients read into one buffer: no connection may see the bytes of another, and none may be lost.

import { once } from "node:events";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { connect, listen, openSocket } from "@pb/node-transport";
import { connectWithSharedBuffer, receiveFrom } from "../../src/socket/shared-buffer.js";
import { Echo, folder, until } from "../support/echo.js";

/** Bytes that tell from which transfer they are. */
const pattern = (seed: number): Uint8Array => Uint8Array.from({ length: 100_000 }, (_, index) => (index * seed) % 251);

test.each(["tcp", "unix"])("%s: what several clients receive at the same time is not mixed", async (type) => {
  using directory = folder();
  const path = directory.file("socket");
  const server = await listen(type === "tcp" ? "tcp:0:interface=127.0.0.1" : `unix:${path}`, new Echo());
  onTestFinished(() => server.close());
  const address = type === "tcp" ? `tcp:127.0.0.1:${server.port}` : `unix:${path}`;
  const clients = await Promise.all(Array.from({ length: 4 }, () => connect(address)));
  onTestFinished(() => Promise.all(clients.map((client) => client.close())).then(() => undefined));
  const roots = await Promise.all(clients.map((client) => client.getRootObject<Echo>()));
  for (let round = 0; round < 3; round++) {
    const sent = roots.map((_, index) => pattern(1 + index + 4 * round));
    const answers = await Promise.all(
      roots.map((root, index) => root.callRemote("echo", sent[index]!) as Promise<Uint8Array>),
    );
    expect(answers.map((answer, index) => Buffer.compare(answer, sent[index]!))).toEqual([0, 0, 0, 0]);
  }
});

/** A server whose connections the test writes to. */
async function pair(): Promise<{ readonly client: Socket; readonly server: Socket }> {
  const listener = createServer({ allowHalfOpen: false }).listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as { port: number };
  const client = connectWithSharedBuffer({ port, host: "127.0.0.1" });
  const [[server]] = (await Promise.all([once(listener, "connection"), once(client, "connect")])) as [
    [Socket],
    unknown,
  ];
  onTestFinished(() => {
    for (const socket of [client, server]) socket.destroy();
    listener.close();
  });
  return { client, server };
}

test("what arrives before anything receives stays in the stream, in order", async () => {
  const { client, server } = await pair();
  server.write("before");
  await once(client, "readable");
  let received = "";
  receiveFrom(client, { receive: (bytes) => (received += Buffer.from(bytes).toString()) });
  client.resume();
  server.write(" and after");
  await until(() => received === "before and after", "all has arrived");
});

test("a paused socket receives nothing, and all of it when it is resumed", async () => {
  const { client, server } = await pair();
  const chunks: Uint8Array[] = [];
  const receive = (bytes: Uint8Array): void => {
    chunks.push(bytes.slice());
    client.pause();
  };
  receiveFrom(client, { receive });
  const sent = Buffer.concat(Array.from({ length: 20 }, (_, seed) => pattern(seed + 1)));
  server.end(sent);
  await until(() => chunks.length === 1, "a chunk has arrived");
  const other = await pair();
  receiveFrom(other.client, { receive: () => undefined });
  other.server.write(pattern(99));
  await until(() => other.client.bytesRead === 100_000, "the other socket has read");
  expect(chunks).toHaveLength(1);
  let hasEnded = false;
  client.on("end", () => (hasEnded = true));
  await until(() => {
    client.resume();
    return hasEnded;
  }, "the socket has ended");
  expect(Buffer.concat(chunks).equals(sent)).toBe(true);
});

test("the end of the peer and its resets are noticed", async () => {
  const one = await pair();
  const received: Uint8Array[] = [];
  receiveFrom(one.client, { receive: (bytes) => received.push(bytes.slice()) });
  one.server.end("bye");
  await once(one.client, "end");
  expect(Buffer.concat(received).toString()).toBe("bye");

  const two = await pair();
  receiveFrom(two.client, { receive: () => undefined });
  two.server.resetAndDestroy();
  const [error] = (await once(two.client, "error")) as [NodeJS.ErrnoException];
  expect(error.code).toBe("ECONNRESET");
});

test("a socket that a program opens itself is an ordinary stream", async () => {
  const listener = createServer((socket) => socket.end("hello")).listen(0, "127.0.0.1");
  onTestFinished(() => void listener.close());
  await once(listener, "listening");
  const { port } = listener.address() as { port: number };
  const socket = await openSocket({ type: "tcp", host: "127.0.0.1", port }, {});
  expect((await socket.toArray()).join("")).toBe("hello");
});
