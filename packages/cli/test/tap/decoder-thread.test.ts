// The second thread of `pb tap` decodes all bytes in order, also when it is far behind the first one.

import { encode, none } from "@pb/banana";
import { expect, test, vi } from "vitest";
import { folder } from "../../../node-transport/test/support/echo.js";
import { BatchWriter, readBatch } from "../../src/tap/batch.js";
import { DecoderThread } from "../../src/tap/decoder-thread.js";
import { workerFile } from "../../src/worker-file.js";
import { pb } from "../support.js";

const MEBIBYTE = 1024 * 1024;
const header = { pb: 1, started: "", tool: "", listen: "", target: "" };
const settings = { header, redact: [], json: true, quiet: true, inspect: false };

/** A thread with outputs of its own. */
function start(): { thread: DecoderThread; written: { stdout: string; stderr: string } } {
  const written = { stdout: "", stderr: "" };
  const output = (name: "stdout" | "stderr") => ({ write: (text: string) => (written[name] += text) });
  const { stdin } = process;
  const { signal } = new AbortController();
  const thread = new DecoderThread({ stdin, stdout: output("stdout"), stderr: output("stderr"), env: {}, signal });
  return { thread, written };
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const OFFER = encode([bytesOf("pb"), bytesOf("none")], { dialect: none });

test("a batch keeps the order, the times, the bytes and the texts of events", () => {
  const writer = new BatchWriter();
  const log: unknown[][] = [];
  const note =
    (name: string) =>
    (...args: unknown[]): void =>
      void log.push([name, ...args.map((value) => (value instanceof Uint8Array ? [...value] : value))]);
  const events = { opened: note("o"), data: note("d"), finished: note("f"), closed: note("c") };
  const tell = (listener: typeof events | BatchWriter): void => {
    const bytes = Uint8Array.of(1, 2);
    listener.opened(7, "10.0.0.1:5", 0.25);
    listener.data(7, "server", bytes, 1.5);
    bytes.fill(9);
    listener.data(7, "client", bytes, 1.75);
    listener.opened(8, "", 2);
    for (const side of ["client", "server"] as const) listener.finished(7, side, 3);
    for (const by of ["client", "server", "tap", "target"] as const) listener.closed(7, by, by, 4);
    listener.closed(8, "tap", undefined, 5);
    listener.data(9, "client", new Uint8Array(200_000).fill(3), 6);
  };
  tell(events);
  const expected = log.splice(0);
  for (const round of [1, 2]) {
    expect(writer.size).toBe(0);
    tell(writer);
    readBatch(writer.take(), events);
    expect(log.splice(0), `round ${round}`).toEqual(expected);
  }
});

test("far behind, it says so and asks to be waited for, and loses nothing", async () => {
  using files = folder();
  const file = files.file("behind.pbrec");
  const { thread, written } = start();
  const call = bytesOf("x".repeat(100_000));
  const message = encode([
    bytesOf("message"),
    1,
    bytesOf("root"),
    bytesOf("put"),
    0,
    [bytesOf("tuple"), call],
    [bytesOf("dictionary")],
  ]);
  try {
    await thread.open({ ...settings, output: file });
    thread.opened(1, "", 0);
    thread.data(1, "server", OFFER, 1);
    thread.data(1, "client", encode(bytesOf("pb"), { dialect: none }), 1);
    // This thread does not hear that anything is decoded before it waits.
    let count = 0;
    for (; thread.full() === undefined; count++) thread.data(1, "client", message, 2);
    expect(count * message.length).toBeGreaterThan(31 * MEBIBYTE);
    expect(thread.full()).toBe(thread.full());
    await thread.full();
    expect(thread.behind).toBeLessThanOrEqual(16 * MEBIBYTE);
    thread.closed(1, "client", undefined, 3);
    await thread.finish(4);
    expect(thread.behind).toBe(0);
    expect(written.stderr).toMatch(/^pb: decoding is 3\d MiB behind: the connections are slowed down\n/);
    const { statistics } = JSON.parse(written.stdout) as { statistics: unknown };
    expect(statistics).toMatchObject({ methods: [{ method: "put", calls: count }], opaqueBytes: { client: 0 } });
    const counted = JSON.parse((await pb(["stats", file, "--json"])).stdout) as unknown;
    expect(counted).toMatchObject({ methods: [{ method: "put", calls: count }], ended: 1 });
  } finally {
    await thread.stop();
  }
});

test("a thread that dies ends pb tap as a bug, and closes what it has opened", async () => {
  using files = folder();
  const { url } = workerFile;
  workerFile.url = new URL("data:text/javascript,throw new RangeError('planted')");
  try {
    const flags = ["tap", "--listen", "tcp:0", "--to", "tcp:127.0.0.1:1", "-o", files.file("none.pbrec")];
    const { status, stderr } = await pb(flags);
    expect([status, stderr]).toEqual([70, expect.stringMatching(/a bug in pb: RangeError: planted\n/)]);
  } finally {
    workerFile.url = url;
  }
});

test("a thread that ends while it works fails what waits for it", async () => {
  const { thread } = start();
  await thread.open({ ...settings, output: undefined });
  const failed = vi.fn();
  void thread.failed.then(failed);
  await thread.stop();
  await expect(thread.finish(1)).rejects.toThrow("The thread that decodes has ended");
  expect(failed).toHaveBeenCalled();
  thread.data(1, "client", new Uint8Array(40 * MEBIBYTE), 1);
  expect(thread.full()).toBeUndefined();
  await thread.stop();
});
