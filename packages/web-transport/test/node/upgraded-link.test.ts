// The link of a server of Node writes frames of WebSocket by itself.

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { expect, onTestFinished, test, vi } from "vitest";
import type { WebSocket } from "ws";
import { UpgradedLink } from "../../src/node/upgraded-link.js";
import { webSocketPair } from "../support/link-pairs.js";

const peer = { description: "test", isEncrypted: false };

/** A link, the WebSocket that it writes to, and that of its peer. */
async function linked(): Promise<{
  readonly link: UpgradedLink;
  readonly listener: WebSocket;
  readonly initiator: WebSocket;
  readonly socket: Duplex;
}> {
  const { listener, initiator, socket } = await webSocketPair();
  onTestFinished(() => {
    listener.terminate();
    initiator.terminate();
  });
  return { link: new UpgradedLink(listener, socket, peer, {}), listener, initiator, socket };
}

/** Resolves with as many messages. */
function messages(webSocket: WebSocket, count: number): Promise<Buffer[]> {
  const received: Buffer[] = [];
  return new Promise((resolve, reject) => {
    webSocket.once("error", reject).on("message", (data, isBinary) => {
      if (!isBinary) reject(new Error(`Text: ${(data as Buffer).toString()}`));
      received.push(data as Buffer);
      if (received.length === count) resolve(received);
    });
  });
}

// The borders of the three heads of a frame (RFC 6455, section 5.2), and of what is copied.
const sizes = [1, 125, 126, 127, 255, 256, 3999, 4000, 4001, 65_535, 65_536, 200_000];

test("sends messages of each size as whole frames, with pings between them", async () => {
  const { link, listener, initiator } = await linked();
  const sent = sizes.map((size) => randomBytes(size));
  const received = messages(initiator, sizes.length);
  let pings = 0;
  initiator.on("ping", () => pings++);
  for (const bytes of sent) {
    link.send(bytes);
    listener.ping();
  }
  const all = await received;
  expect(all.map(({ length }) => length)).toEqual(sizes);
  for (const [index, bytes] of all.entries()) expect(bytes.equals(sent[index]!)).toBe(true);
  initiator.close();
  await once(listener, "close");
  expect(pings).toBe(sizes.length);
});

test.each([
  [1, "8201"],
  [125, "827d"],
  [126, "827e007e"],
  [255, "827e00ff"],
  [256, "827e0100"],
  [4000, "827e0fa0"],
])("writes a message of %i bytes behind the shortest head, %s, in one piece", async (size, head) => {
  const { link, initiator, socket } = await linked();
  const received = messages(initiator, 1);
  const write = vi.spyOn(socket, "write");
  link.send(new Uint8Array(size).fill(1));
  await received;
  const written = write.mock.calls.map(([frame]) => Buffer.from(frame as Uint8Array).toString("hex"));
  expect(written).toEqual([`${head}${"01".repeat(size)}`]);
});

test("has nothing queued when the kernel took all bytes, and counts them as left", async () => {
  const { link, initiator } = await linked();
  const received = messages(initiator, 1);
  link.send(new Uint8Array(1000));
  expect(link.queuedBytes).toBe(0);
  expect(link.leftBytes).toBe(1000);
  await received;
});

test("counts what a peer does not read, and tells the receiver when it has left", async () => {
  const { link, listener, initiator, socket } = await linked();
  initiator.pause();
  const unsentWhenDrained = new Promise<number>((resolve) => {
    const drained = (): void => resolve(socket.writableLength);
    link.start({ received: () => undefined, drained, lost: () => undefined });
  });
  const bytes = new Uint8Array(1000);
  let count = 0;
  while (link.queuedBytes < 100_000 && count < 100_000) {
    link.send(bytes);
    count++;
  }
  expect(link.leftBytes).toBeLessThan(link.sentBytes);
  // What another part of the process sends is not waited for.
  listener.ping();
  const received = messages(initiator, count);
  initiator.resume();
  expect(await unsentWhenDrained).toBe(0);
  await received;
  expect(link.queuedBytes).toBe(0);
  expect(link.leftBytes).toBe(1000 * count);
});

test("discards what is sent after the WebSocket began to close", async () => {
  const { link, listener, initiator } = await linked();
  const lost = new Promise<Error | undefined>((resolve) => {
    link.start({ received: () => undefined, drained: () => undefined, lost: resolve });
  });
  listener.close(1000);
  link.send(new Uint8Array(1000));
  expect(link.queuedBytes).toBe(0);
  const [code] = (await once(initiator, "close")) as [number];
  expect([code, await lost]).toEqual([1000, undefined]);
});
