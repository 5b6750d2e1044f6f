// What the peer says: one function per message. Holds no state.

import { ListHead } from "@pb/banana";
import type { BananaReader, Expression } from "@pb/banana";
import { FrozenSet } from "@pb/jelly-types";
import type { Unjellier } from "@pb/jelly-types";
import type { Callable, Perspective } from "../calls/callable.js";
import { Incoming } from "../references/graph-context.js";
import type { Channel } from "../references/graph-context.js";
import { ArgumentsError, PBError, ProtocolError, UnknownCacheError } from "../errors.js";
import { RemoteError } from "../wire/failure.js";
import { giveBack } from "../references/release-unread.js";
import { Kwargs } from "../wire/kwargs.js";
import { brief, VERSION } from "../wire/messages.js";
import type { Message, ObjectId } from "../wire/messages.js";
import type { PendingCall } from "../calls/pending-calls.js";
import type { Services } from "../calls/running-calls.js";

/** What a message can do. */
export interface Inbound extends Channel {
  readonly unjellier: Unjellier;
  find(id: ObjectId): Callable | undefined;
  findCache(id: ObjectId): Callable | undefined;
  answer(requestId: Expression, value: unknown, perspective: Perspective): void;
  fail(requestId: Expression, error: unknown, perspective: Perspective): void;
  /** A method of ours failed, whether or not somebody waits for the answer. */
  methodFailed(method: string, error: unknown): void;
  /** Throws `LimitError` when too many calls are unfinished. */
  admitCall(): void;
  /** An error of the peer's as the class that the program has for it. */
  localError(error: RemoteError): Error;
  /** A call that was counted in `services` is answered. */
  serviceEnded(): void;
  /** Counts calls that are not finished when their method returns. */
  readonly services: Services;
  /** The call that waits for this answer. Throws {@link ProtocolError} when none does. */
  takeCall(requestId: Expression): PendingCall;
  notUnderstood(what: string): void;
}

/** Does what a message says. `reader` stands before its jelly. Throws {@link ProtocolError} when the peer broke the protocol. */
export function handle(message: Message, reader: BananaReader, broker: Inbound): void {
  switch (message.command) {
    case "version":
      if (message.version !== VERSION) {
        throw new ProtocolError("PROTOCOL_VERSION", `The peer speaks version ${message.version}; we speak ${VERSION}`);
      }
      break;
    case "message":
    case "cachemessage":
      receiveCall(message, reader, broker);
      break;
    case "answer":
      receiveAnswer(broker.takeCall(message.requestId), reader, broker);
      break;
    case "error":
      receiveError(broker.takeCall(message.requestId), reader, broker);
      break;
    case "decref":
      broker.given.released(message.id);
      break;
    case "didNotUnderstand":
      broker.notUnderstood(message.what);
      break;
    case "decache":
      broker.given.cacheReleased(message.id);
      break;
    case "uncache":
      broker.held.uncached(message.id);
      break;
  }
}

type Call = Extract<Message, { command: "message" | "cachemessage" }>;

function receiveCall(call: Call, reader: BananaReader, broker: Inbound): void {
  const { command, target, method } = call;
  const callable = command === "message" ? broker.find(target) : broker.findCache(target);
  const perspective = callable?.perspective ?? null;
  const incoming = new Incoming(broker, perspective);
  const start = reader.offset;
  let isRead = false;
  let result: unknown;
  let isLater: boolean;
  try {
    broker.admitCall();
    if (callable === undefined)
      throw command === "message" ? new PBError("Invalid Object ID") : new UnknownCacheError(target);
    const args = readArguments(reader, broker, incoming);
    const kwargs = readKeywords(reader, broker, incoming);
    isRead = true;
    result = callable.receiveCall({ method, args, kwargs });
    isLater = isThenable(result);
  } catch (error) {
    fail(call, error, perspective, broker);
    if (!isRead) giveBack(reader, start, 2, incoming);
    return;
  }
  if (isLater) serve(call, result, perspective, broker);
  else if (call.wantsAnswer) broker.answer(call.requestId, result, perspective);
}

function fail(
  { method, requestId, wantsAnswer }: Call,
  error: unknown,
  perspective: Perspective,
  broker: Inbound,
): void {
  broker.methodFailed(method, error);
  if (wantsAnswer) broker.fail(requestId, error, perspective);
}

/** Answers when the method has finished. */
function serve(call: Call, result: unknown, perspective: Perspective, broker: Inbound): void {
  broker.services.begin();
  // A promise of another kind may throw where ours would reject, and may change its mind.
  Promise.resolve(result).then(
    (value) => {
      broker.services.end();
      if (call.wantsAnswer) broker.answer(call.requestId, value, perspective);
      broker.serviceEnded();
    },
    (error: unknown) => {
      broker.services.end();
      fail(call, error, perspective, broker);
      broker.serviceEnded();
    },
  );
}

function readArguments(reader: BananaReader, broker: Inbound, incoming: Incoming): unknown[] {
  const value = broker.unjellier.readGraph(reader, incoming);
  if (Array.isArray(value)) {
    // A tuple, most often: a plain array is made of it by a loop, which is faster than its iterator (bench `updates-1`).
    const args = new Array<unknown>(value.length);
    for (let index = 0; index < args.length; index++) args[index] = value[index];
    return args;
  }
  if (value instanceof Set || value instanceof FrozenSet) return Array.from(value as Iterable<unknown>);
  throw new ArgumentsError("The positional arguments of a call are a sequence");
}

/** What most calls have: nothing to read (bench `updates-1`). */
const NO_KEYWORDS = new ListHead(1, "dictionary");

function readKeywords(reader: BananaReader, broker: Inbound, incoming: Incoming): Kwargs | undefined {
  return reader.begins(NO_KEYWORDS) ? undefined : toKwargs(broker.unjellier.readGraph(reader, incoming));
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Keyword arguments have names: text or, from older peers, UTF-8 bytes. Undefined when there are none. */
function toKwargs(value: unknown): Kwargs | undefined {
  if (!(value instanceof Map)) {
    // A dictionary with text for keys arrives as an object without prototype; nothing else does.
    if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== null)
      throw new ArgumentsError("The keyword arguments of a call are a dictionary");
    for (const _name in value) return Kwargs.from(value as Record<string, unknown>);
    return undefined;
  }
  if (value.size === 0) return undefined;
  const named = Object.create(null) as Record<string, unknown>;
  for (const [key, item] of value as Map<unknown, unknown>) {
    if (typeof key === "string") named[key] = item;
    else if (key instanceof Uint8Array) named[utf8.decode(key)] = item;
    else throw new ArgumentsError("A keyword argument has a name");
  }
  return Kwargs.from(named);
}

function receiveAnswer(call: PendingCall, reader: BananaReader, broker: Inbound): void {
  const incoming = new Incoming(broker, call.perspective);
  const start = reader.offset;
  let value: unknown;
  try {
    value = broker.unjellier.readGraph(reader, incoming);
  } catch (error) {
    // Only this call is hurt: the message ends where the scanner said. (Twisted drops the connection: wire specification trap 3.)
    call.reject(error);
    giveBack(reader, start, 1, incoming);
    return;
  }
  call.resolve(value);
}

function receiveError(call: PendingCall, reader: BananaReader, broker: Inbound): void {
  const incoming = new Incoming(broker, call.perspective);
  const start = reader.offset;
  let error: unknown;
  try {
    const value = broker.unjellier.readGraph(reader, incoming);
    if (value instanceof RemoteError) error = broker.localError(value);
    else error = value instanceof Error ? value : unknownFailure(value);
  } catch (unreadable) {
    error = unreadable;
    giveBack(reader, start, 1, incoming);
  }
  call.reject(error);
}

/** An error that is neither a failure nor an error class we know. */
function unknownFailure(value: unknown): RemoteError {
  const type = "twisted.spread.pb.Error";
  return new RemoteError({ type, message: typeof value === "string" ? value : "", parents: [type] });
}

export function unknownRequest(requestId: Expression): ProtocolError {
  return new ProtocolError("PROTOCOL_UNKNOWN_REQUEST", `An answer to ${brief(requestId)}, which was not asked`);
}

function isThenable(value: unknown): boolean {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
