// Recordings are written and read again.

import { readFileSync, statSync, writeFileSync } from "node:fs";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { folder } from "../../../node-transport/test/support/echo.js";
import { dataEntries, formatEntry, formatHeader } from "../../src/recording/format.js";
import type { RecordingEntry, RecordingHeader } from "../../src/recording/format.js";
import { isRecording, RecordingReader } from "../../src/recording/recording-reader.js";
import { RecordingWriter } from "../../src/recording/recording-writer.js";

const header: RecordingHeader = {
  ...{ pb: 1, started: "2026-01-31T12:00:00.000Z", tool: "@pb/cli 1.0.0" },
  ...{ listen: "tcp:8788", target: "tcp:localhost:8787" },
};

const entries: RecordingEntry[] = [
  { kind: "open", timeMs: 0.5, connection: 1, address: "127.0.0.1:50000" },
  { kind: "data", timeMs: 1.25, connection: 1, from: "server", bytes: Uint8Array.of(2, 0x80, 255) },
  { kind: "data", timeMs: 2, connection: 1, from: "client", bytes: Uint8Array.of(1), size: 9, redacted: 2 },
  { kind: "opaque", timeMs: 3, connection: 1, from: "client", size: 12 },
  { kind: "fin", timeMs: 4, connection: 1, from: "client" },
  { kind: "close", timeMs: 5, connection: 1, by: "client", code: "ECONNRESET" },
  { kind: "close", timeMs: 5, connection: 2, by: "tap" },
  { kind: "finish", timeMs: 6 },
];

let files: ReturnType<typeof folder>;
beforeEach(() => (files = folder()));
afterEach(() => files[Symbol.dispose]());

async function* chunksOf(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

/** The entries of a recording, and the code of the error after them. */
async function read(text: string, size = 1_000): Promise<{ seen: RecordingEntry[]; code: string | undefined }> {
  const seen: RecordingEntry[] = [];
  try {
    const reader = await RecordingReader.open(chunksOf(text, size));
    expect(reader.header).toEqual(header);
    for await (const entry of reader) seen.push(entry);
    return { seen, code: undefined };
  } catch (error) {
    return { seen, code: (error as { code?: string }).code };
  }
}

const recording = formatHeader(header) + entries.map(formatEntry).join("");

test("a recording is read as it was written, only by its owner, and is not replaced", async () => {
  const path = files.file("a.pbrec");
  const writer = await RecordingWriter.create(path, header);
  for (const entry of entries.slice(0, -1)) {
    if (entry.kind === "data") writer.writeData(entry);
    else writer.write(entry);
  }
  await writer.finish(6);
  expect(readFileSync(path, "utf8")).toBe(recording);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const seen: RecordingEntry[] = [];
  for await (const entry of await RecordingReader.open(createReadStream(path))) seen.push(entry);
  expect(seen).toEqual(entries);
  await expect(RecordingWriter.create(path, header)).rejects.toMatchObject({ code: "CLI_FILE" });
});

test.each([1, 7, 100_000])("the pieces of a file of %i bytes make no difference", async (size) => {
  expect(await read(recording, size)).toEqual({ seen: entries, code: undefined });
});

test("a long message is divided", async () => {
  const path = files.file("long.pbrec");
  const writer = await RecordingWriter.create(path, header);
  const bytes = new Uint8Array(200_000).map((_, index) => index);
  writer.writeData({ kind: "data", timeMs: 1, connection: 1, from: "client", bytes, size: 200_001, redacted: 1 });
  await writer.finish(2);
  const { seen } = await read(readFileSync(path, "utf8"), 65_536);
  const pieces = seen.filter((entry) => entry.kind === "data");
  expect(pieces.map(({ size }) => size)).toEqual([...pieces.slice(1).map(() => undefined), 200_001]);
  expect(Buffer.concat(pieces.map((piece) => piece.bytes))).toEqual(Buffer.from(bytes));
});

test.each([
  [0, [0]],
  [49_152, [49_152]],
  [49_153, [49_152, 1]],
  [98_304, [49_152, 49_152]],
])("a message of %i bytes has the entries %j", (length, expected) => {
  const bytes = new Uint8Array(length).map((_, index) => index);
  const pieces = [...dataEntries({ kind: "data", timeMs: 1, connection: 1, from: "client", bytes })];
  expect(pieces.map((piece) => piece.bytes.length)).toEqual(expected);
  expect(Buffer.concat(pieces.map((piece) => piece.bytes))).toEqual(Buffer.from(bytes));
});

test("every beginning of a recording is read up to its end", async () => {
  expect(recording.split("\n")).toHaveLength(10);
  const header = recording.indexOf("\n");
  for (let cut = 1; cut < recording.length; cut++) {
    const { seen, code } = await read(recording.slice(0, cut));
    const whole = cut > header ? recording.slice(0, cut).split("\n").length - 2 : 0;
    expect({ cut, seen, code }).toEqual({ cut, seen: entries.slice(0, whole), code: "CLI_RECORDING_TRUNCATED" });
  }
});

test.each([
  ["", "CLI_RECORDING_INVALID", "empty"],
  ["hello\n", "CLI_RECORDING_INVALID", "no recording"],
  ["[1]\n", "CLI_RECORDING_INVALID", "no recording"],
  ['{"pb":2}\n', "CLI_RECORDING_VERSION", "has version 2"],
  ['{"pb":1,"started":"x"}\n', "CLI_RECORDING_INVALID", '"tool" is no text'],
  [`{"pb":1,"a":"${"x".repeat(1_100_000)}`, "CLI_RECORDING_INVALID", "a line of more than"],
])("%.20j is refused", async (text, code, message) => {
  const opened = RecordingReader.open(chunksOf(text, 65_536));
  await expect(opened).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
});

test.each([
  ["nothing", "no JSON object"],
  ['{"kind":"data"}', '"t" is no time'],
  ['{"kind":"data","t":1}', '"connection"'],
  ['{"kind":"data","t":1,"connection":1}', '"from"'],
  ['{"kind":"data","t":1,"connection":1,"from":"client","data":"?"}', "no base64"],
  ['{"kind":"opaque","t":1,"connection":1,"from":"client"}', '"size"'],
  ['{"kind":"close","t":1,"connection":1,"by":"me"}', '"by"'],
  ['{"kind":"x","t":1,"connection":1,"from":"client"}', '"kind" is unknown'],
])("the line %s is refused with its number", async (line, message) => {
  const reader = await RecordingReader.open(chunksOf(`${formatHeader(header)}${line}\n`, 9));
  await expect(reader[Symbol.asyncIterator]().next()).rejects.toMatchObject({
    code: "CLI_RECORDING_INVALID",
    message: expect.stringMatching(new RegExp(`^Line 2 .*${message}`)),
  });
});

test("a recording is told from other files", () => {
  const first = (text: string): boolean | undefined => isRecording(Buffer.from(text));
  expect([first('{"pb":1,'), first('{"p'), first(""), first("\x02\x80"), first('{"a')]).toEqual([
    true,
    undefined,
    undefined,
    false,
    false,
  ]);
});

test("an error of the file ends the recording, and is reported at once", async () => {
  const path = files.file("full.pbrec");
  writeFileSync(files.file("x"), "");
  const writer = await RecordingWriter.create(path, header);
  await writer.finish(1);
  writer.write({ kind: "fin", timeMs: 1, connection: 1, from: "client" });
  const errors: unknown[] = [];
  writer.onError = (error) => errors.push(error);
  await writer.drained();
  expect(errors).toMatchObject([{ code: "CLI_FILE" }]);
  writer.write({ kind: "fin", timeMs: 2, connection: 1, from: "client" });
  await writer.drained();
  expect(errors).toHaveLength(1);
});

describe("a writer that is full", () => {
  const bytes = new Uint8Array(2 * 1024 * 1024);
  const data = { kind: "data", timeMs: 1, connection: 1, from: "client", bytes } as const;

  test("is not when all is written", async () => {
    const writer = await RecordingWriter.create(files.file("a.pbrec"), header);
    for (let round = 0; round < 3; round++) {
      writer.writeData(data);
      expect(writer.isFull).toBe(true);
      await writer.drained();
      expect(writer.isFull).toBe(false);
    }
    await writer.finish(2);
  });

  test("is not when a write has failed, and closes its file", async () => {
    const other = await open(files.file("other"), "w");
    const prototype = Object.getPrototypeOf(other) as typeof other;
    await other.close();
    const writer = await RecordingWriter.create(files.file("a.pbrec"), header);
    await writer.drained();
    let fail!: (error: Error) => void;
    const writing = vi.spyOn(prototype, "appendFile").mockReturnValueOnce(new Promise((_, reject) => (fail = reject)));
    onTestFinished(() => writing.mockRestore());
    writer.writeData(data);
    await vi.waitFor(() => expect(writing).toHaveBeenCalled());
    writer.writeData(data); // While the write is running.
    fail(new Error("no space left on device"));
    await writer.drained();
    expect(writer.isFull).toBe(false);
    await expect(writer.finish(2)).rejects.toMatchObject({ code: "CLI_FILE" });
    expect((writing.mock.contexts[0] as typeof other).fd).toBe(-1);
  });
});
