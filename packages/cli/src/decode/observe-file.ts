// Reads a recording, or the raw bytes of one direction, for observers. Needs the memory of one message.

import { encode } from "@pb/banana";
import { createReadStream } from "node:fs";
import { printable } from "@pb/jelly-types";
import type { ConversationOptions } from "../conversation/conversation.js";
import { KnownSecrets } from "../conversation/known-secrets.js";
import type { Message, Opaque, Side } from "../conversation/messages.js";
import { CliError } from "../errors.js";
import type { CliIo } from "../io.js";
import { Observation } from "../observe/observer.js";
import type { Observer } from "../observe/observer.js";
import type { RecordingEntry } from "../recording/format.js";
import { readChunks } from "../recording/read-chunks.js";
import { isRecording, RecordingReader } from "../recording/recording-reader.js";

/** Connections that are open at the same time in a recording. The oldest is given up for one more. */
const MOST_CONNECTIONS = 10_000;

/**
 * Tells the observers what the file contains; `-` is stdin. Rejects with `CliError`, after everything that can be read:
 * `CLI_FILE`; for a recording that is damaged or has no end, `CLI_RECORDING_INVALID` or `CLI_RECORDING_TRUNCATED`; and
 * for bytes that are neither a recording nor Perspective Broker, `CLI_NOT_PB`.
 */
export async function observeFile(
  file: string,
  redact: readonly string[] | undefined,
  observers: readonly Observer[],
  io: CliIo,
): Promise<void> {
  const chunks = readChunks(file === "-" ? io.stdin : createReadStream(file), file, io.signal);
  const first: Uint8Array[] = [];
  try {
    for (;;) {
      const { value, done } = await chunks.next();
      if (done !== true) first.push(value);
      const known = isRecording(Buffer.concat(first));
      if (known === undefined && done !== true) continue;
      const rest = joined(first, chunks);
      await (known === true ? observeRecording(rest, redact, observers) : observeBytes(rest, redact, observers));
      return;
    }
  } finally {
    await chunks.return(undefined);
  }
}

async function* joined(
  first: readonly Uint8Array[],
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, undefined, undefined> {
  yield* first;
  yield* rest;
  return undefined;
}

async function observeRecording(
  chunks: AsyncIterable<Uint8Array>,
  redact: readonly string[] | undefined,
  observers: readonly Observer[],
): Promise<void> {
  const connections = new Map<number, Observation>();
  let timeMs = 0;
  const close = (): void => {
    for (const observation of connections.values()) observation.closed(timeMs, "recording", undefined);
  };
  const reader = await RecordingReader.open(chunks);
  const options = { redact, knownSecrets: new KnownSecrets() };
  try {
    for await (const entry of reader) {
      timeMs = entry.timeMs;
      if (entry.kind !== "finish") observeEntry(entry, connections, options, observers);
    }
  } finally {
    close();
  }
}

function observeEntry(
  entry: Exclude<RecordingEntry, { kind: "finish" }>,
  connections: Map<number, Observation>,
  options: Pick<ConversationOptions, "redact" | "knownSecrets">,
  observers: readonly Observer[],
): void {
  const { timeMs, connection } = entry;
  let observation = connections.get(connection);
  if (observation === undefined) {
    observation = new Observation(connection, observers, options);
    if (connections.size === MOST_CONNECTIONS) connections.delete(connections.keys().next().value!);
    connections.set(connection, observation);
  }
  switch (entry.kind) {
    case "open":
      observation.opened(printable(entry.address, 100), timeMs);
      break;
    case "data": {
      const { size, redacted } = entry;
      if (size !== undefined && redacted !== undefined) observation.facts = { size, redacted };
      observation.feed(entry.from, entry.bytes, timeMs);
      observation.facts = undefined;
      break;
    }
    case "opaque":
      observation.report(opaque(entry.from, entry.size, timeMs, observation.isOpaque(entry.from)));
      break;
    case "fin":
      observation.finished(entry.from, timeMs);
      break;
    case "close":
      observation.closed(timeMs, entry.by, entry.code && printable(entry.code, 40));
      connections.delete(connection);
  }
}

/** A line for each read of the tap would say the same: only the first of several has the error. */
function opaque(from: Side, size: number, timeMs: number, isFurther: boolean): Message {
  const error = isFurther ? undefined : { code: "CLI_NOT_RECORDED", text: "The bytes could not be decoded", offset: 0 };
  return { kind: "opaque", from, size, timeMs, bytes: undefined, redacted: 0, dialect: "none", error };
}

/** The bytes of one direction: they begin with an offer of dialects, a choice, or in the middle of a connection. */
async function observeBytes(
  chunks: AsyncIterable<Uint8Array>,
  redact: readonly string[] | undefined,
  observers: readonly Observer[],
): Promise<void> {
  let observation: Observation | undefined;
  let from: Side = "client";
  const assume: Observer = {
    ...silent,
    // The choice of the client is not among the bytes of the server: nearly all choose pb.
    message: (_connection, { kind }) => {
      if (kind === "offer") quietly(observation!, () => observation!.feed("client", encode(PB), 0));
    },
  };
  let isQuiet = false;
  const quietly = (_of: Observation, action: () => void): void => {
    isQuiet = true;
    action();
    isQuiet = false;
  };
  const found: Found = { messages: 0, error: undefined };
  const loud: Observer = {
    ...silent,
    message: (connection, message) => {
      if (message.kind === "opaque") found.error ??= message.error;
      else if (!isQuiet) found.messages++;
      if (!isQuiet) for (const observer of observers) observer.message(connection, message);
    },
  };
  for await (const chunk of chunks) {
    if (observation === undefined) {
      const start = startOf(chunk);
      from = start === "offer" ? "server" : "client";
      const options = start === "middle" ? { redact, startedWith: "pb" as const } : { redact };
      observation = new Observation(1, [loud, assume], options);
    }
    observation.feed(from, chunk, 0);
  }
  observation?.finished(from, 0);
  requirePb(found);
}

/** What raw bytes contain: messages, and why the rest cannot be decoded. */
interface Found {
  messages: number;
  error: Opaque["error"];
}

function requirePb({ messages, error }: Found): void {
  if (messages === 0) {
    const reason = error === undefined ? "it is empty" : printable(error.text, LONGEST_REASON);
    throw new CliError(
      "CLI_NOT_PB",
      `This is neither a recording of pb tap nor bytes of Perspective Broker: ${reason}`,
    );
  }
  if (error === undefined) return;
  if (error.code === "CLI_INCOMPLETE") throw new CliError("CLI_RECORDING_TRUNCATED", "The bytes end within a message");
  const reason = printable(error.text, LONGEST_REASON);
  throw new CliError("CLI_NOT_PB", `The bytes from offset ${error.offset} on are not Perspective Broker: ${reason}`);
}

/** The longest reason in an error, in UTF-16 code units. */
const LONGEST_REASON = 200;

const PB = new Uint8Array(Buffer.from("pb"));

const silent: Observer = {
  opened: () => undefined,
  message: () => undefined,
  finished: () => undefined,
  closed: () => undefined,
};

/** A list of strings is an offer, a string is a choice. A message is a list whose first element is a command. */
function startOf(chunk: Uint8Array): "offer" | "choice" | "middle" {
  const text = Buffer.from(chunk.subarray(0, 40)).toString("latin1");
  if (/^.\x82(pb|none)/s.test(text)) return "choice";
  if (/^.\x80.\x87|^.\x80.\x82(message|answer|error|version|decref|decache|uncache|cachemessage)/s.test(text))
    return "middle";
  return /^.\x80/s.test(text) ? "offer" : "choice";
}
