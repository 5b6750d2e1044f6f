// The nine messages of the protocol. Only this file knows the position of each of their elements (wire specification 5.2, 5.3).

import { inspectExpression, ListHead, readExpression, writeExpression } from "@pb/banana";
import type { BananaReader, Expression, ExpressionReader, ExpressionWriter } from "@pb/banana";
import { below, FrozenSet } from "@pb/jelly-types";
import type { Jellier, Unjellier } from "@pb/jelly-types";
import { ArgumentsError, ProtocolError } from "../errors.js";
import { Kwargs } from "./kwargs.js";

/** The only version of the protocol. */
export const VERSION = 6;

/** Names an object at the end that owns it: a number that this end assigned, or the name under which it is published. */
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

/** A call of the peer. Its arguments follow: read them with {@link readArguments}. */
export interface ReceivedCall {
  readonly command: CallCommand;
  readonly requestId: Expression;
  readonly target: ObjectId;
  readonly method: string;
  readonly wantsAnswer: boolean;
}

type Command = ReceivedMessage["command"];

/** The number of elements of each message. */
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

/** Reads a message up to its jelly. Throws {@link ProtocolError} for anything that is not a message; the connection then has to be closed. */
export function readMessage(reader: ExpressionReader): ReceivedMessage {
  if (reader.kind() !== "list") throw badExpression(`Expected a message, received ${brief(readExpression(reader))}`);
  const length = reader.list();
  if (length === 0 || reader.kind() !== "bytes") throw badExpression("A message begins with a command");
  const command = reader.word() as Command;
  const expected = lengths.get(command);
  if (expected === undefined) {
    throw new ProtocolError("PROTOCOL_UNKNOWN_COMMAND", `Unknown command ${JSON.stringify(command.slice(0, 64))}`);
  }
  if (length !== expected) {
    throw badExpression(`The command ${command} has ${expected - 1} arguments, not ${length - 1}`);
  }
  switch (command) {
    case "version":
      return { command, version: readVersion(reader) };
    case "message":
    case "cachemessage":
      return {
        command,
        requestId: readExpression(reader),
        target: readObjectId(reader, command),
        method: readMethodName(reader),
        wantsAnswer: readTruth(reader),
      };
    case "answer":
    case "error":
      return { command, requestId: readExpression(reader) };
    case "decref":
    case "decache":
    case "uncache":
      return { command, id: readObjectId(reader, command) };
    case "didNotUnderstand":
      return { command, what: brief(readExpression(reader)) };
  }
}

function readVersion(reader: ExpressionReader): number {
  const kind = reader.kind();
  if (kind === "integer") return Number(reader.integer());
  if (kind === "float") return reader.float();
  throw badExpression(`The command version needs a number, not a ${kind}`);
}

function readObjectId(reader: ExpressionReader, command: string): ObjectId {
  if (reader.kind() === "integer") return Number(reader.integer());
  const expression = readExpression(reader);
  const name = expression instanceof Uint8Array ? decodeUtf8(expression) : undefined;
  if (name !== undefined) return name;
  // A call to it is answered with an error, because no object has such an id. A release has no answer.
  if (command === "message" || command === "cachemessage") return `${brief(expression)}, which is not an object id`;
  throw badExpression(`The command ${command} needs an object id, not ${brief(expression)}`);
}

function readMethodName(reader: ExpressionReader): string {
  if (reader.kind() !== "bytes")
    throw badExpression(`A method name is a byte string, not ${brief(readExpression(reader))}`);
  try {
    return reader.text();
  } catch (cause) {
    throw new ProtocolError("PROTOCOL_BAD_EXPRESSION", "A method name is UTF-8", { cause });
  }
}

/** Truth as Python defines it: zero and empty values are false (wire specification 5.3). */
function readTruth(reader: ExpressionReader): boolean {
  const value = readExpression(reader);
  if (typeof value === "number" || typeof value === "bigint") return value !== 0;
  return Array.isArray(value) || value instanceof Uint8Array ? value.length > 0 : Number(value) !== 0;
}

/** The positional and the keyword arguments of a call; `kwargs` is undefined when there are none. */
export interface CallArguments {
  readonly args: unknown[];
  readonly kwargs: Kwargs | undefined;
}

/** Most calls have no keyword arguments: an empty dictionary needs no unjellying (bench `updates-1`). */
const NO_KEYWORDS = new ListHead(1, "dictionary");

/** Reads the arguments of a call: two graphs. Throws `JellyError`, or {@link ArgumentsError} when they are not arguments. */
export function readArguments(reader: BananaReader, unjellier: Unjellier, context: unknown): CallArguments {
  const args = toArgumentList(unjellier.readGraph(reader, context));
  const kwargs = reader.begins(NO_KEYWORDS) ? undefined : toKwargs(unjellier.readGraph(reader, context));
  return { args, kwargs };
}

function toArgumentList(value: unknown): unknown[] {
  if (Array.isArray(value)) {
    // Usually a tuple. A loop makes a plain array of it faster than its iterator does (bench `updates-1`).
    const args = new Array<unknown>(value.length);
    for (let index = 0; index < args.length; index++) args[index] = value[index];
    return args;
  }
  if (value instanceof Set || value instanceof FrozenSet) return Array.from(value as Iterable<unknown>);
  throw new ArgumentsError("The positional arguments of a call are a sequence");
}

/** The names of keyword arguments are text or, from older peers, UTF-8 bytes. */
function toKwargs(value: unknown): Kwargs | undefined {
  if (!(value instanceof Map)) {
    // A dictionary whose keys are all text arrives as an object without a prototype. No other value does.
    if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== null)
      throw new ArgumentsError("The keyword arguments of a call are a dictionary");
    for (const _name in value) return Kwargs.from(value as Record<string, unknown>);
    return undefined;
  }
  if (value.size === 0) return undefined;
  const named = Object.create(null) as Record<string, unknown>;
  for (const [key, item] of value as Map<unknown, unknown>) {
    const name = key instanceof Uint8Array ? decodeUtf8(key) : key;
    if (typeof name !== "string") throw new ArgumentsError("The name of a keyword argument is text");
    named[name] = item;
  }
  return Kwargs.from(named);
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
  | { readonly command: "answer" | "error"; readonly requestId: Expression; readonly value: unknown }
  | { readonly command: ReleaseCommand | "uncache"; readonly id: number };

export interface OutboundCall {
  readonly command: CallCommand;
  readonly requestId: number;
  readonly target: ObjectId;
  readonly method: string;
  /** A trailing {@link Kwargs} becomes the keyword arguments. */
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
      jellier.writeGraph(message.value, context);
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

/** Writes the arguments of a call: two graphs. */
export function writeArguments(jellier: Jellier, args: readonly unknown[], context: unknown): void {
  const last = args.length > 0 ? args[args.length - 1] : undefined;
  const keywords = last instanceof Kwargs ? last : undefined;
  writePositional(jellier.start(context), args, keywords === undefined ? args.length : args.length - 1);
  writeKeywords(jellier.start(context), keywords);
}

function writePositional(jellier: Jellier, args: readonly unknown[], count: number): void {
  jellier.writer.list(count + 1);
  jellier.writer.word("tuple");
  let index = 0;
  try {
    for (; index < count; index++) jellier.write(args[index]);
  } catch (error) {
    throw below(error, `.args[${index}]`);
  }
}

function writeKeywords(jellier: Jellier, keywords: Kwargs | undefined): void {
  const entries = keywords === undefined ? [] : Object.entries(keywords);
  const { writer } = jellier;
  writer.list(entries.length + 1);
  writer.word("dictionary");
  for (const [name, value] of entries) {
    writer.list(2);
    jellier.write(name);
    try {
      jellier.write(value);
    } catch (error) {
      throw below(error, `.kwargs.${name}`);
    }
  }
}

// Error messages

/** An expression as text of at most 200 characters: a peer may send megabytes in place of a number. */
export function brief(expression: Expression): string {
  const text = inspectExpression(expression);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function badExpression(message: string): ProtocolError {
  return new ProtocolError("PROTOCOL_BAD_EXPRESSION", message);
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}
