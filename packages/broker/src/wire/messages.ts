// The nine messages of the protocol. Only this file knows the position of each of their elements (wire specification
// 5.2, 5.3).

import { charge, inspectExpression, readExpression, writeExpression } from "@pb/banana";
import type { BananaReader, Expression, ExpressionReader, ExpressionWriter, HeapAllowance, Steps } from "@pb/banana";
import { printable } from "@pb/jelly-types";
import type { Jellier } from "@pb/jelly-types";
import { ProtocolError } from "../errors.js";
import { writeArguments } from "./arguments.js";

/** The only version of the protocol. */
const VERSION = 6;

/** Throws {@link ProtocolError} for another version than that of this end. */
export function requireVersion(version: number): void {
  if (version === VERSION) return;
  const text = `The peer uses version ${version} of the protocol; this end uses ${VERSION}`;
  throw new ProtocolError("PROTOCOL_VERSION", text);
}

/**
 * Names an object at the end that owns it: a number that this end assigned, or the name under which it is published.
 */
export type ObjectId = number | string;

/** Gives back one count of a reference (`decref`) or of a cache (`decache`). */
export type ReleaseCommand = "decref" | "decache";

type CallCommand = "message" | "cachemessage";

// Messages of the peer

/** A received message. Where values follow in jelly, the reader stands before them. */
export type ReceivedMessage =
  | { readonly command: "version"; readonly version: number }
  | ReceivedCall
  | { readonly command: "answer" | "error"; readonly requestId: Expression }
  | { readonly command: ReleaseCommand | "uncache"; readonly id: ObjectId }
  | { readonly command: "didNotUnderstand"; readonly what: string };

/** A call of the peer. Its arguments follow: read them with `readArguments`. */
export interface ReceivedCall {
  readonly command: CallCommand;
  readonly requestId: Expression;
  readonly target: ObjectId;
  readonly method: string;
  readonly wantsAnswer: boolean;
  /** What the responder notes about the call, if hooks observe it. */
  record: object | undefined;
}

type Command = ReceivedMessage["command"];

/** The number of elements of a message with this command. Undefined for an unknown one. */
function lengthOf(command: Command): number | undefined {
  switch (command) {
    case "message":
    case "cachemessage":
      return 7;
    case "answer":
    case "error":
      return 3;
    case "version":
    case "decref":
    case "decache":
    case "uncache":
    case "didNotUnderstand":
      return 2;
    default:
      return undefined;
  }
}

/**
 * Reads a message up to its jelly. Throws {@link ProtocolError} for anything that is not a message; the connection then
 * has to be closed. Throws `BANANA_HEAP_TOO_LARGE` for one that takes more memory than `heap`.
 */
export function readMessage(reader: BananaReader, heap: HeapAllowance): ReceivedMessage {
  if (reader.kind() !== "list") throw notAMessage(readExpression(reader, heap));
  const command = readCommand(reader);
  switch (command) {
    case "version":
      return { command, version: readVersion(reader) };
    case "message":
    case "cachemessage":
      return {
        command,
        requestId: readRequestId(reader, heap),
        target: readObjectId(reader, command, heap),
        method: readMethodName(reader, heap),
        wantsAnswer: readTruth(reader, heap),
        record: undefined,
      };
    case "answer":
    case "error":
      return { command, requestId: readRequestId(reader, heap) };
    case "decref":
    case "decache":
    case "uncache":
      return { command, id: readObjectId(reader, command, heap) };
    case "didNotUnderstand":
      return { command, what: brief(readExpression(reader, heap)) };
  }
}

/**
 * As {@link readMessage}, with pauses, for a long message. A peer may send a long list in place of an id: such a list
 * is skipped or refused, and takes no memory.
 */
export function* readMessageInSteps(reader: BananaReader, heap: HeapAllowance): Steps<ReceivedMessage> {
  const command = readCommand(reader);
  switch (command) {
    case "version":
      return { command, version: readVersion(reader) };
    case "message":
    case "cachemessage":
      return {
        command,
        requestId: readRequestId(reader, heap),
        target: reader.isLong() ? yield* skipObjectId(reader) : readObjectId(reader, command, heap),
        method: reader.isLong() ? badMethodName(LONG_LIST) : readMethodName(reader, heap),
        wantsAnswer: reader.isLong() ? yield* skipTruth(reader) : readTruth(reader, heap),
        record: undefined,
      };
    case "answer":
    case "error":
      return { command, requestId: readRequestId(reader, heap) };
    case "decref":
    case "decache":
    case "uncache":
      if (reader.isLong()) throw badObjectId(command, LONG_LIST);
      return { command, id: readObjectId(reader, command, heap) };
    case "didNotUnderstand":
      return { command, what: reader.isLong() ? LONG_LIST : brief(readExpression(reader, heap)) };
  }
}

/** A list that {@link BananaReader.isLong}, for error messages. */
const LONG_LIST = "a list of more than 16 KiB";

/** Any value, because the peer only gets it back. Not megabytes, which would be written in one piece. */
function readRequestId(reader: BananaReader, heap: HeapAllowance): Expression {
  const short = reader.shortInteger();
  if (short !== undefined) return short; // Almost always (bench `updates-1`). It takes no memory.
  if (reader.isLong()) throw badExpression(`A request id is an integer, not ${LONG_LIST}`);
  return readExpression(reader, heap);
}

/** As {@link toObjectId}: a call to this id is answered with an error. */
function* skipObjectId(reader: BananaReader): Steps<string> {
  yield* reader.skipInSteps();
  return noObjectId(LONG_LIST);
}

/** As {@link isTrue}, for a long list, which has elements. */
function* skipTruth(reader: BananaReader): Steps<true> {
  yield* reader.skipInSteps();
  return true;
}

/** Reads the head of a message and its command. Checks the number of its elements. */
function readCommand(reader: ExpressionReader): Command {
  const length = reader.list();
  if (length === 0 || reader.kind() !== "bytes") throw badExpression("A message begins with a command");
  const command = reader.word() as Command;
  const expected = lengthOf(command);
  if (expected === undefined) {
    throw new ProtocolError("PROTOCOL_UNKNOWN_COMMAND", `Unknown command "${printable(command, 64)}"`);
  }
  if (length !== expected) {
    throw badExpression(`The command ${command} has ${expected - 1} arguments, not ${length - 1}`);
  }
  return command;
}

function readVersion(reader: ExpressionReader): number {
  const kind = reader.kind();
  if (kind === "integer") return Number(reader.integer());
  if (kind === "float") return reader.float();
  throw badExpression(`The command version needs a number, not a ${kind}`);
}

function readObjectId(reader: BananaReader, command: string, heap: HeapAllowance): ObjectId {
  const short = reader.shortInteger();
  if (short !== undefined) return short;
  const kind = reader.kind();
  if (kind === "integer") return Number(reader.integer());
  return (kind === "bytes" ? readName(reader, heap) : undefined) ?? toObjectId(readExpression(reader, heap), command);
}

/**
 * Reads a name as text, which is faster than as bytes (bench `hundred`). Returns undefined, and does not move, when it
 * is not UTF-8.
 */
function readName(reader: BananaReader, heap: HeapAllowance): string | undefined {
  const { offset, bytesLeft } = reader;
  try {
    const name = reader.text();
    charge(heap, bytesLeft - reader.bytesLeft);
    return name;
  } catch {
    reader.rewind(offset);
    return undefined;
  }
}

/** The name of an object in an expression that is not an integer. */
function toObjectId(expression: Expression, command: string): ObjectId {
  const name = expression instanceof Uint8Array ? decodeUtf8(expression) : undefined;
  if (name !== undefined) return name;
  // A call to it is answered with an error, because no object has such an id. A release has no answer.
  if (command === "message" || command === "cachemessage") return noObjectId(brief(expression));
  throw badObjectId(command, brief(expression));
}

const noObjectId = (text: string): string => `${text}, which is not an object id`;

function badObjectId(command: string, text: string): ProtocolError {
  return badExpression(`The command ${command} needs an object id, not ${text}`);
}

function readMethodName(reader: ExpressionReader, heap: HeapAllowance): string {
  if (reader.kind() !== "bytes") return badMethodName(brief(readExpression(reader, heap)));
  try {
    return reader.text();
  } catch (cause) {
    throw new ProtocolError("PROTOCOL_BAD_EXPRESSION", "A method name is UTF-8", { cause });
  }
}

function badMethodName(text: string): never {
  throw badExpression(`A method name is a byte string, not ${text}`);
}

/** Truth as Python defines it: zero and empty values are false (wire specification 5.3). */
function readTruth(reader: BananaReader, heap: HeapAllowance): boolean {
  return isTrue(reader.shortInteger() ?? readExpression(reader, heap));
}

function isTrue(value: Expression): boolean {
  if (typeof value === "number" || typeof value === "bigint") return value !== 0;
  return Array.isArray(value) || value instanceof Uint8Array ? value.length > 0 : Number(value) !== 0;
}

/** The number of a reference or a cache, which is the only element of `items`. Undefined when it is anything else. */
export function readNumericId(reader: ExpressionReader, items: number): number | undefined {
  if (items !== 1 || reader.kind() !== "integer") return undefined;
  const id = reader.integer();
  return typeof id === "number" ? id : undefined;
}

// Messages of this end

/** A message to send. */
export type OutboundMessage =
  | { readonly command: "version" }
  | OutboundCall
  | OutboundAnswer
  | { readonly command: ReleaseCommand | "uncache"; readonly id: number };

export interface OutboundAnswer {
  readonly command: "answer" | "error";
  readonly requestId: Expression;
  readonly value: unknown;
  /** Whether `value` is the expression that is sent, not a value to convert: the answer was sent before. */
  readonly isRepeat?: boolean;
  /** Whether it answers a call to an object that does not exist, such as a ping. Not sent. */
  readonly isToPing?: boolean;
}

export interface OutboundCall {
  readonly command: CallCommand;
  readonly requestId: number;
  readonly target: ObjectId;
  readonly method: string;
  /** A trailing `Kwargs` becomes the keyword arguments. */
  readonly args: readonly unknown[];
  readonly wantsAnswer: boolean;
}

/** Writes a whole message. Throws `JellyError` with a path such as `$.args[0].name` for a value that cannot be sent. */
export function writeMessage(jellier: Jellier, message: OutboundMessage, context: unknown): void {
  const { writer } = jellier;
  switch (message.command) {
    case "version":
      writer.list(2);
      writer.word("version");
      writer.integer(VERSION);
      break;
    case "message":
    case "cachemessage":
      writeCallHead(writer, message);
      writeArguments(jellier, message.args, context);
      break;
    case "answer":
    case "error":
      writer.list(3);
      writer.word(message.command);
      writeExpression(writer, message.requestId); // The request id is returned as it was received.
      if (message.isRepeat === true) writeExpression(writer, message.value as Expression);
      else jellier.writeGraph(message.value, context);
      break;
    case "decref":
    case "decache":
    case "uncache":
      writer.list(2);
      writer.word(message.command);
      writer.integer(message.id);
      break;
  }
}

/** Writes everything of a call that stands before its arguments. */
export function writeCallHead(writer: ExpressionWriter, call: OutboundCall): void {
  writer.list(7);
  writer.word(call.command);
  writer.integer(call.requestId);
  if (typeof call.target === "number") writer.integer(call.target);
  else writer.text(call.target);
  writer.text(call.method);
  writer.integer(call.wantsAnswer ? 1 : 0);
}

// Error messages

/** An expression as text of at most 200 characters: a peer may send megabytes in place of a number. */
export function brief(expression: Expression): string {
  return printable(inspectExpression(expression));
}

function notAMessage(expression: Expression): ProtocolError {
  return badExpression(`Expected a message, received ${brief(expression)}`);
}

function badExpression(message: string): ProtocolError {
  return new ProtocolError("PROTOCOL_BAD_EXPRESSION", message);
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Undefined for bytes that are not UTF-8. */
function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}
