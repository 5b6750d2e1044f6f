// The format of recordings: lines of JSON. RECORDINGS.md describes it.

import type { Side } from "../conversation/messages.js";
import { CliError } from "../errors.js";

/** The version of the format. A reader refuses any other. */
export const RECORDING_VERSION = 1;

/** The first line of a recording. */
export interface RecordingHeader {
  /** The version of the format. */
  readonly pb: number;
  /** When the recording began, in ISO 8601. All times are milliseconds since then. */
  readonly started: string;
  /** The program that wrote it. */
  readonly tool: string;
  /** The endpoint at which the tap listened, and the one to which it connected. */
  readonly listen: string;
  readonly target: string;
}

/** A line of a recording, after the first. */
export type RecordingEntry = OpenEntry | DataEntry | OpaqueEntry | FinEntry | CloseEntry | FinishEntry;

interface EntryBase {
  /** Milliseconds since the start of the recording. */
  readonly timeMs: number;
  /** The number of the connection, from 1. */
  readonly connection: number;
}

/** A connection was accepted, and the tap connects to the target. */
export interface OpenEntry extends EntryBase {
  readonly kind: "open";
  /** The address of the client. */
  readonly address: string;
}

/**
 * Bytes of a message, with its secrets replaced. The bytes of all entries of one direction, joined, are what its sender
 * sent, but for the secrets. A long message has several entries.
 */
export interface DataEntry extends EntryBase {
  readonly kind: "data";
  readonly from: Side;
  readonly bytes: Uint8Array;
  /** The number of bytes on the wire of the message that ends here, if secrets were replaced in it. */
  readonly size?: number;
  /** The number of secrets that were replaced in the message that ends here. */
  readonly redacted?: number;
}

/** Bytes that could not be decoded. They are not in the recording, because a secret could be in them. */
export interface OpaqueEntry extends EntryBase {
  readonly kind: "opaque";
  readonly from: Side;
  readonly size: number;
}

/** A side sends nothing more. */
export interface FinEntry extends EntryBase {
  readonly kind: "fin";
  readonly from: Side;
}

/** The end of a connection. */
export interface CloseEntry extends EntryBase {
  readonly kind: "close";
  /** Which side closed it first. `tap`: the tap was interrupted. `target`: there was no connection to the target. */
  readonly by: Side | "tap" | "target";
  /** The code of an error, such as `ECONNRESET`. Undefined: it was closed in order. */
  readonly code?: string;
}

/** The last line of a recording that is complete. */
export interface FinishEntry {
  readonly kind: "finish";
  readonly timeMs: number;
}

/** The bytes in one entry. Longer messages have several entries, so that a reader needs little memory. */
const PIECE_BYTES = 48 * 1024;

/** The entries for a message of `bytes`. */
export function* dataEntries(entry: DataEntry): Iterable<DataEntry> {
  const { bytes, size, redacted, ...rest } = entry;
  let start = 0;
  for (; bytes.length - start > PIECE_BYTES; start += PIECE_BYTES) {
    yield { ...rest, bytes: bytes.subarray(start, start + PIECE_BYTES) };
  }
  const last = { ...rest, bytes: bytes.subarray(start) };
  yield redacted === undefined || size === undefined ? last : { ...last, size, redacted };
}

export function formatHeader(header: RecordingHeader): string {
  return `${JSON.stringify(header)}\n`;
}

export function formatEntry(entry: RecordingEntry): string {
  if (entry.kind === "data") return formatData(entry);
  const { kind, timeMs, ...fields } = entry;
  return `${JSON.stringify({ kind, t: rounded(timeMs), ...fields })}\n`;
}

/** Written without `JSON.stringify`: there is one for each message (bench `tap`). */
function formatData({ timeMs, connection, from, bytes, size, redacted }: DataEntry): string {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
  const secrets = redacted === undefined || size === undefined ? "" : `,"size":${size},"redacted":${redacted}`;
  return `{"kind":"data","t":${rounded(timeMs)},"connection":${connection},"from":"${from}"${secrets},"data":"${data}"}\n`;
}

/** Microseconds are enough, and make short lines. */
function rounded(timeMs: number): number {
  return Math.round(timeMs * 1000) / 1000;
}

/** Reads the first line. Throws `CliError`. */
export function parseHeader(line: string): RecordingHeader {
  const header = jsonOf(line);
  if (header === undefined || typeof header.pb !== "number") {
    throw new CliError("CLI_RECORDING_INVALID", "This is no recording of pb: its first line has no version");
  }
  if (header.pb !== RECORDING_VERSION) {
    const text = `The recording has version ${header.pb} of the format; this pb reads version ${RECORDING_VERSION}`;
    throw new CliError("CLI_RECORDING_VERSION", text);
  }
  for (const name of ["started", "tool", "listen", "target"]) {
    if (typeof header[name] !== "string") throw invalid(1, `"${name}" is no text`);
  }
  return header as unknown as RecordingHeader;
}

/** Reads a further line. `number` counts lines from 1. Throws `CliError` `CLI_RECORDING_INVALID`. */
export function parseEntry(line: string, number: number): RecordingEntry {
  const fields = jsonOf(line);
  if (fields === undefined) throw invalid(number, "it is no JSON object");
  const { kind, t: timeMs, connection, from, size, redacted, data, by, code, address } = fields;
  if (!isCount(timeMs, 0)) throw invalid(number, `"t" is no time`);
  if (kind === "finish") return { kind, timeMs };
  if (!isCount(connection, 1)) throw invalid(number, `"connection" is no number from 1`);
  const base = { timeMs, connection };
  if (kind === "open") return { kind, ...base, address: typeof address === "string" ? address : "" };
  if (kind === "close") {
    if (by !== "client" && by !== "server" && by !== "tap" && by !== "target") throw invalid(number, `"by" is unknown`);
    return typeof code === "string" ? { kind, ...base, by, code } : { kind, ...base, by };
  }
  if (from !== "client" && from !== "server") throw invalid(number, `"from" is neither "client" nor "server"`);
  if (kind === "fin") return { kind, ...base, from };
  if (kind === "opaque") {
    if (!isCount(size, 0)) throw invalid(number, `"size" is no number`);
    return { kind, ...base, from, size };
  }
  if (kind !== "data") throw invalid(number, `"kind" is unknown`);
  if (typeof data !== "string" || !BASE64.test(data)) throw invalid(number, `"data" is no base64`);
  const bytes = new Uint8Array(Buffer.from(data, "base64"));
  return isCount(size, 0) && isCount(redacted, 1)
    ? { kind, ...base, from, bytes, size, redacted }
    : { kind, ...base, from, bytes };
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

function isCount(value: unknown, least: number): value is number {
  return typeof value === "number" && value >= least && value <= Number.MAX_SAFE_INTEGER;
}

function jsonOf(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function invalid(line: number, what: string): CliError {
  return new CliError("CLI_RECORDING_INVALID", `Line ${line} of the recording cannot be read: ${what}`);
}
