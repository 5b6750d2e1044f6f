// The connection of `pb replay` to a live peer.

import { encode, none } from "@pb/banana";
import { Duplex } from "node:stream";
import { expect, onTestFinished, test } from "vitest";
import { LivePeer } from "../../src/replay/live-peer.js";

const { signal } = new AbortController();

/** A server of which the test decides what it sends, and whether it reads. */
function server() {
  const written: (() => void)[] = [];
  const socket = new Duplex({
    highWaterMark: 1,
    read: () => undefined,
    write: (_chunk, _encoding, done) => void written.push(done),
  });
  const ascii = (text: string) => new TextEncoder().encode(text);
  const version = [ascii("version"), 6];
  const bytes = encode(version, { dialect: none });
  const peer = new LivePeer(socket, "client", []);
  onTestFinished(() => peer.destroy());
  const negotiate = async () => {
    socket.push(encode([ascii("none")], { dialect: none }));
    expect((await peer.next(1000, signal))?.message.kind).toBe("offer");
    const choosing = peer.send(ascii("none"), signal);
    written.shift()!();
    await choosing;
  };
  return { socket, peer, version, bytes, written, negotiate };
}

test("waits for the rest of a message that arrives in parts", async () => {
  const { socket, peer, bytes, negotiate } = server();
  await negotiate();
  const next = peer.next(5000, signal);
  socket.push(bytes.subarray(0, 3));
  await new Promise(setImmediate);
  socket.push(bytes.subarray(3));
  expect((await next)?.message.kind).toBe("version");
});

test("learns of the end although more messages arrived than were taken", async () => {
  const { socket, peer, bytes, negotiate } = server();
  await negotiate();
  for (let count = 0; count < 1100; count++) socket.push(bytes);
  socket.push(null);
  await new Promise(setImmediate);
  await peer.ended(5000, signal);
  expect(peer.hasEnded).toBe(true);
});

test("leaves no listeners when it waits for the socket to take more", async () => {
  const { socket, peer, version, written, negotiate } = server();
  await negotiate();
  const listeners = () => ["drain", "close", "error"].map((name) => socket.listenerCount(name));
  const before = listeners();
  for (let count = 0; count < 3; count++) {
    const sending = peer.send(version, signal);
    written.shift()!();
    await sending;
  }
  expect(listeners()).toEqual(before);
});
