// The nine messages: the only file that knows which element stands where (wire specification 5.2, 5.3).

import { inspectExpression, readExpression, writeExpression } from "@pb/banana";
import type { Expression, ExpressionReader, ExpressionWriter } from "@pb/banana";
import { ProtocolError } from "../errors.js";

/** The one version there is. */
export const VERSION = 6;

/** Names an object at the side that owns it: a number it gave out, or a name it was published under. */
export type ObjectId = number | string;

/** An expression for an error message: a peer may send megabytes where a number belongs. */
export function brief(expression: Expression): string {
  const text = inspectExpression(expression);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** One message as it arrives. Where jelly follows, the reader stands before it. */
export type Message =
  | { readonly command: "version"; readonly version: number }
  | {
      readonly command: "message" | "cachemessage";
      readonly requestId: Expression;
      readonly target: ObjectId;
      readonly method: string;
      readonly wantsAnswer: boolean;
    }
  | { readonly command: "answer" | "error"; readonly requestId: Expression }
  | { readonly command: "decref" | "decache" | "uncache"; readonly id: ObjectId }
  | { readonly command: "didNotUnderstand"; readonly what: string };

type Command = Message["command"];

const lengths: ReadonlyMap<string, number> = new Map<Command, number>([
  ["version", 2],
  ["message", 7],
  ["cachemessage", 7],
  ["answer", 3],
  ["error", 3],
  ["decref", 2],
  ["decache", 2],
  ["uncache", 2],
  ["didNotUnderstand", 2],
]);

/** Reads a message up to its jelly. Throws {@link ProtocolError} for anything else; the caller hangs up. */
export function readMessage(reader: ExpressionReader): Message {
  if (reader.kind() !== "list") {
    throw new ProtocolError("PROTOCOL_BAD_EXPRESSION", `Expected a message, received ${brief(readExpression(reader))}`);
  }
  const length = reader.list();
  if (length === 0 || reader.kind() !== "bytes") {
    throw new ProtocolError("PROTOCOL_BAD_EXPRESSION", "A message begins with a command");
  }
  const command = reader.word() as Command;
  const expected = lengths.get(command);
  if (expected === undefined) {
    throw new ProtocolError("PROTOCOL_UNKNOWN_COMMAND", `There is no command ${JSON.stringify(command.slice(0, 64))}`);
  }
  if (length !== expected) {
    throw new ProtocolError(
      "PROTOCOL_BAD_EXPRESSION",
      `The command ${command} has ${expected - 1} arguments, not ${length - 1}`,
    );
  }
  switch (command) {
    case "version":
      return { command, version: readNumber(reader, command) };
    case "message":
    case "cachemessage":
      return {
        command,
        requestId: readExpression(reader),
        target: readId(reader, command),
        method: readName(reader),
        wantsAnswer: readTruth(reader),
      };
    case "answer":
    case "error":
      return { command, requestId: readExpression(reader) };
    case "decref":
    case "decache":
    case "uncache":
      return { command, id: readId(reader, command) };
    case "didNotUnderstand":
      return { command, what: brief(readExpression(reader)) };
  }
}

function readNumber(reader: ExpressionReader, command: string): number {
  const kind = reader.kind();
  if (kind === "integer") return Number(reader.integer());
  if (kind === "float") return reader.float();
  throw new ProtocolError("PROTOCOL_BAD_EXPRESSION", `The command ${command} has a number, not a ${kind}`);
}

function readId(reader: ExpressionReader, command: string): ObjectId {
  const kind = reader.kind();
  if (kind === "integer") return Number(reader.integer());
  const expression = readExpression(reader);
  const name = expression instanceof Uint8Array ? nameOf(expression) : undefined;
  if (name !== undefined) return name;
  // It names no object of ours, which the caller hears; a release has nobody who would.
  if (command === "message" || command === "cachemessage") return `${brief(expression)}, which is no id`;
  throw new ProtocolError(
    "PROTOCOL_BAD_EXPRESSION",
    `The command ${command} has an object id, not ${brief(expression)}`,
  );
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function nameOf(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

function readName(reader: ExpressionReader): string {
  if (reader.kind() !== "bytes") {
    throw new ProtocolError(
      "PROTOCOL_BAD_EXPRESSION",
      `A method name is a byte string, not ${brief(readExpression(reader))}`,
    );
  }
  try {
    return reader.text();
  } catch (cause) {
    throw new ProtocolError("PROTOCOL_BAD_EXPRESSION", "A method name is UTF-8", { cause });
  }
}

/** Python's idea of truth: zero and empty are false (wire specification 5.3). */
function readTruth(reader: ExpressionReader): boolean {
  const value = readExpression(reader);
  if (typeof value === "number" || typeof value === "bigint") return value !== 0;
  return Array.isArray(value) || value instanceof Uint8Array ? value.length > 0 : Number(value) !== 0;
}

export function writeVersion(writer: ExpressionWriter): void {
  writer.list(2);
  writer.word("version");
  writer.integer(VERSION);
}

/** Everything of a message before its two jellies: the positional arguments and the keyword arguments follow. */
export function writeCall(
  writer: ExpressionWriter,
  command: "message" | "cachemessage",
  requestId: number,
  target: ObjectId,
  method: string,
  wantsAnswer: boolean,
): void {
  writer.list(7);
  writer.word(command);
  writer.integer(requestId);
  if (typeof target === "number") writer.integer(target);
  else writer.text(target);
  writer.text(method);
  writer.integer(wantsAnswer ? 1 : 0);
}

/** Everything of an answer before its jelly. The request's id goes back as it came. */
export function writeReply(writer: ExpressionWriter, command: "answer" | "error", requestId: Expression): void {
  writer.list(3);
  writer.word(command);
  writeExpression(writer, requestId);
}

/** How a reference is given back, or a count of a cache. */
export type Release = "decref" | "decache";

export function writeRelease(writer: ExpressionWriter, command: Release | "uncache", id: number): void {
  writer.list(2);
  writer.word(command);
  writer.integer(id);
}
