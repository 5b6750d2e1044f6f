// How much a link sends and holds when the other end does not read, and what it does with a peer that breaks the rules.

import { MessageChannel, Worker } from "node:worker_threads";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { Link } from "@pb/broker/extension";
import { connect, listen, PortLink, WebSocketLink } from "@pb/web-transport";
import type { LinkError } from "@pb/web-transport";
import { echo, Echo, errorOf, until } from "../support/echo.js";
import { webSocketPair, withoutPause } from "../support/link-pairs.js";

const MIB = 1024 * 1024;
const peer = { description: "test", isEncrypted: false };

/** Starts a link and records its end. */
function start(link: Link): { cause?: LinkError | undefined; reason?: string | undefined; ends: number } {
  const record: ReturnType<typeof start> = { ends: 0 };
  link.start({
    received: () => undefined,
    drained: () => undefined,
    lost: (cause, reason) => Object.assign(record, { cause, reason, ends: record.ends + 1 }),
  });
  return record;
}

describe("a WebSocket with credit", () => {
  test("sends 1 MiB, and then as much as is granted", async () => {
    const { listener, initiator } = await webSocketPair();
    let received = 0;
    const texts: string[] = [];
    initiator.on("message", (data: Buffer, isBinary) => {
      if (isBinary) received += data.length;
      else texts.push(data.toString());
    });
    const link = new WebSocketLink(listener, "listener", peer, { credit: true });
    start(link);
    link.send(new Uint8Array(8 * MIB));
    await until(() => received === MIB);
    expect(link.queuedBytes).toBe(7 * MIB);
    initiator.send("+300000");
    await until(() => received === MIB + 300_000);
    await until(() => link.queuedBytes === 7 * MIB - 300_000);
    expect(texts).toEqual(["credit=1"]);
    link.destroy();
  });

  test("refuses more than it has granted", async () => {
    const { listener, initiator } = await webSocketPair();
    const link = new WebSocketLink(listener, "listener", peer, { credit: true });
    link.pause();
    const end = start(link);
    link.pause();
    for (let sent = 0; sent < 5; sent++) initiator.send(new Uint8Array(MIB / 4));
    await until(() => end.ends > 0);
    expect(end).toMatchObject({ cause: { code: "LINK_CREDIT" }, reason: "protocol", ends: 1 });
  });
});

describe("a paused link", () => {
  /** Sends messages to a paused link and then the end. Returns the chunks that the link delivers once it goes on. */
  async function chunksOf(messages: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
    const { port1, port2 } = new MessageChannel();
    const signals: unknown[] = [];
    port2.on("message", (signal) => signals.push(signal));
    const link = new PortLink(port1, "listener");
    const chunks: Uint8Array[] = [];
    const lost = new Promise<void>((resolve) => {
      link.start({ received: (bytes) => chunks.push(bytes), drained: () => undefined, lost: () => resolve() });
    });
    link.pause();
    for (const message of [["pb", "hello", 1], ...messages, ["pb", "end"]]) port2.postMessage(message);
    // The link answers the end, and has then received all messages.
    await until(() => signals.some((signal) => (signal as readonly unknown[])[1] === "end"));
    expect(chunks).toEqual([]);
    link.resume();
    await lost;
    port2.close();
    return chunks;
  }

  test("holds nothing for empty messages", async () => {
    const empty = Array.from({ length: 100 }, () => new Uint8Array(0));
    expect(await chunksOf([...empty, Uint8Array.of(1)])).toEqual([Uint8Array.of(1)]);
  });

  test("joins small messages, which would need more memory than their bytes", async () => {
    const small = Array.from({ length: 40_000 }, (_, index) => Uint8Array.of(index));
    const messages = [...small, new Uint8Array(20_000).fill(1), Uint8Array.of(2), Uint8Array.of(3)];
    const chunks = await chunksOf(messages);
    expect(chunks.map(({ length }) => length)).toEqual([16_384, 16_384, 7232, 20_000, 2]);
    expect(Buffer.concat(chunks).equals(Buffer.concat(messages))).toBe(true);
    for (const { buffer, length } of chunks) expect(buffer.byteLength).toBeLessThanOrEqual(3 * length);
  });

  test("ends in order when its peer closes at the same time and neither has credit", async () => {
    const { port1, port2 } = new MessageChannel();
    const [one, other] = [new PortLink(port1, "listener"), new PortLink(port2, "initiator")];
    const [end, otherEnd] = [start(one), start(other)];
    const signals: unknown[] = [];
    for (const port of [port1, port2]) port.on("message", (data) => Array.isArray(data) && signals.push(data[1]));
    for (const link of [one, other]) {
      link.pause();
      link.send(new Uint8Array(MIB));
    }
    await until(() => one.queuedBytes === MIB * 0.75 && other.queuedBytes === MIB * 0.75);
    one.close();
    other.close();
    await until(() => end.ends + otherEnd.ends === 2);
    expect(signals).not.toContain("abort");
  });
});

test("a WebSocket that cannot pause, without credit, holds as many bytes as it may", async () => {
  const { listener, initiator } = await webSocketPair();
  const link = new WebSocketLink(withoutPause(initiator), "initiator", peer, { heldBytes: 500_000, credit: false });
  const end = start(link);
  link.pause();
  for (let sent = 0; sent < 6; sent++) listener.send(new Uint8Array(100_000));
  await until(() => end.ends > 0);
  expect(end).toMatchObject({ cause: { code: "LINK_HELD_BYTES" }, reason: "limit", ends: 1 });
  expect(end.cause!.message).toContain("600000 bytes wait for this program, and the limit is 500000");
});

describe("ports", () => {
  test("a link that closes waits a second for an end that does not answer, and ten when bytes are queued", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    for (const [queued, waitMs] of [
      [0, 1_000],
      [1_000_000, 10_000],
    ] as const) {
      const { port1, port2 } = new MessageChannel();
      const link = new PortLink(port1, "listener");
      const end = start(link);
      const texts: unknown[] = [];
      port2.on("message", (message: unknown) => texts.push(message)).postMessage(["pb", "hello", 1]);
      while (!link.hasHello) await new Promise((resolve) => setImmediate(resolve));
      link.send(new Uint8Array(queued));
      link.close();
      await vi.advanceTimersByTimeAsync(waitMs - 1);
      expect(end.ends).toBe(0);
      // The bytes that have left are progress, once.
      await vi.advanceTimersByTimeAsync(waitMs + 1);
      expect(end).toMatchObject({ ends: 1, cause: undefined });
      port2.close();
    }
  });

  test.each<[string, unknown]>([
    ["a string", "hello"],
    ["null", null],
    ["an object", { pb: "hello" }],
    ["another signal", ["pb", "hurry"]],
    ["a grant that is no number", ["pb", "credit", "5"]],
  ])("%s of another program ends the connection", async (_what, message) => {
    const { port1, port2 } = new MessageChannel();
    const end = start(new PortLink(port1, "listener"));
    port2.postMessage(message);
    await until(() => end.ends > 0);
    expect(end).toMatchObject({ cause: { code: "LINK_FOREIGN_MESSAGE" }, reason: "protocol" });
    port2.close();
  });

  test.each([5, -1, 0.5, NaN, Infinity])(
    "a grant of %d bytes that were not sent ends the connection",
    async (bytes) => {
      const { port1, port2 } = new MessageChannel();
      const end = start(new PortLink(port1, "listener"));
      port2.postMessage(["pb", "hello", 1]);
      port2.postMessage(["pb", "credit", bytes]);
      await until(() => end.ends > 0);
      expect(end).toMatchObject({ cause: { code: "LINK_CREDIT" }, reason: "protocol" });
      port2.close();
    },
  );

  test("bytes above the credit end the connection", async () => {
    const { port1, port2 } = new MessageChannel();
    const link = new PortLink(port1, "listener");
    const end = start(link);
    link.pause();
    port2.postMessage(["pb", "hello", 1]);
    for (let sent = 0; sent < 5; sent++) port2.postMessage(new Uint8Array(64 * 1024));
    await until(() => end.ends > 0);
    expect(end).toMatchObject({ cause: { code: "LINK_CREDIT" }, reason: "protocol" });
    port2.close();
  });

  test("an end sends 256 KiB that are not read, and keeps the rest", async () => {
    const { port1, port2 } = new MessageChannel();
    const [link, other] = [new PortLink(port1, "listener"), new PortLink(port2, "initiator")];
    start(link);
    start(other);
    other.pause();
    link.send(new Uint8Array(MIB));
    await until(() => link.queuedBytes === MIB * 0.75);
    other.resume();
    await until(() => link.queuedBytes === 0);
    link.destroy();
  });

  test("sends a piece of a large buffer without the rest of it", async () => {
    const { port1, port2 } = new MessageChannel();
    const link = new PortLink(port1, "listener");
    start(link);
    const large = new Uint8Array(1000);
    const received: Uint8Array[] = [];
    port2.on("message", (data: unknown) => data instanceof Uint8Array && received.push(data));
    port2.postMessage(["pb", "hello", 1]);
    link.send(large.subarray(10, 20));
    await until(() => received.length > 0);
    expect(received[0]!.buffer.byteLength).toBe(10);
    link.destroy();
  });

  test("nothing at the other end is a timeout", async () => {
    const { port1, port2 } = new MessageChannel();
    const error = await errorOf(connect(port1, { connectMs: 20 }));
    expect(error).toMatchObject({ name: "ConnectError", code: "CONNECT_TIMEOUT" });
    port2.close();
  });
});

describe("workers", () => {
  /** A worker of Node that runs this text. */
  const workerWith = (text: string): Worker => new Worker(text, { eval: true, stderr: true });

  test("a worker that fails to start", async () => {
    const error = await errorOf(connect(workerWith("throw new Error('no way')")));
    expect(error).toMatchObject({ name: "ConnectionLostError" });
    expect(error.cause).toMatchObject({ code: "LINK_WORKER", message: expect.stringContaining("no way") });
  });

  test("a worker that ends", async () => {
    const worker = workerWith(`
      const { parentPort } = require("node:worker_threads");
      parentPort.on("message", () => process.exit(3));`);
    const error = await errorOf(connect(worker));
    expect(error.cause).toMatchObject({ code: "LINK_WORKER", message: expect.stringContaining("exited with 3") });
  });

  test("a port whose other end is closed", async () => {
    const { port1, port2 } = new MessageChannel();
    const server = listen(port1, new Echo());
    const connection = await connect(port2);
    expect(await echo(connection, 1)).toBe(1);
    port1.close();
    expect((await connection.closed).reason).toBe("lost");
    await server.close();
  });
});
