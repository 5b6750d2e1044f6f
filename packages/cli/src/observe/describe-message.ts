// Describes messages and the ends of connections, for lines of text and of JSON.

import { BananaReader, none, pb } from "@pb/banana";
import { otherSide, treeOf } from "../conversation/messages.js";
import type { Message, ObjectId, Origin, PendingCall, Side } from "../conversation/messages.js";
import type { HeldObjects } from "../conversation/tables.js";
import type { EndedBy, Ending } from "./observer.js";
import { describePatch } from "./show-patch.js";
import { showArgumentsAt, showJelly, showJellyAt } from "./show-jelly.js";

/** Lines about open calls and objects, at the end of a connection. */
const MOST_OPEN = 20;

/** The message in a line, with at most `most` characters of its values. */
export function describeMessage(message: Message, most: number): string {
  switch (message.kind) {
    case "offer":
      return `offers the dialects ${message.names.join(", ")}`;
    case "choice":
      return `uses dialect ${message.name}`;
    case "version":
      return "version of the protocol";
    case "call":
      return `call ${message.id} ${nameOfCall(message)}${describePatch(message.patch, most) ?? values(message, most)}${message.wantsAnswer ? "" : " no answer wanted"}`;
    case "answer":
      return `answer ${message.id} ${nameOfAnswered(message.call)}: ${values(message, most)}${late(message.isLate)}`;
    case "error":
      return `error ${message.id} ${nameOfAnswered(message.call)}: ${values(message, most)}${late(message.isLate)}`;
    case "decref":
    case "decache":
    case "uncache":
      return `${message.kind} ${nameOfObject(message.target, message.origin)}${message.isKnown ? "" : " which is unknown"}`;
    case "unknown":
      return `is no message: ${message.text}`;
    case "opaque":
      return message.error === undefined
        ? "not decoded"
        : `cannot be decoded from offset ${message.error.offset}: ${message.error.text} (${message.error.code})`;
  }
}

/** `root.find`, or `room#7.members` for a method of object 7, which was a result of `room`. */
export function nameOfCall({
  isCache,
  target,
  origin,
  method,
}: Pick<PendingCall, "isCache" | "target" | "origin" | "method">): string {
  return `${isCache ? "cache " : ""}${nameOfObject(target, origin)}.${method}`;
}

function nameOfAnswered(call: PendingCall | undefined): string {
  return call === undefined ? "to no call that was seen" : nameOfCall(call);
}

function nameOfObject(id: ObjectId, origin: Origin | undefined): string {
  return typeof id === "string" ? id : `${origin?.method ?? ""}#${id}`;
}

function late(isLate: boolean): string {
  return isLate ? " late: the caller does not wait any more" : "";
}

/** Reads the message that is described. */
const reader = new BananaReader();

/** The arguments of a call, the result, or the class and text of an error. */
function values(message: Message, most: number): string {
  const { bytes, dialect } = message;
  if (bytes === undefined) return message.kind === "call" ? "(…)" : "…";
  if (message.kind === "error") {
    const failure = failureText(message);
    if (failure !== undefined) return failure;
  }
  // Read without a tree of it: there is a line for each message (bench `tap`).
  reader.reset(bytes, 0, bytes.length, dialect === "pb" ? pb : none, 0);
  reader.list();
  for (let left = message.kind === "call" ? 5 : 2; left > 0; left--) reader.skip();
  return message.kind === "call" ? showArgumentsAt(reader, most) : showJellyAt(reader, most);
}

type Tree = Exclude<ReturnType<typeof treeOf>, undefined>;

/** `builtins.ValueError: text` of a failure of Twisted. */
function failureText(message: Message): string | undefined {
  const tree = treeOf(message);
  const failure = Array.isArray(tree) ? tree[2] : undefined;
  if (!Array.isArray(failure) || !Array.isArray(failure[1])) return undefined;
  const fields = new Map<string, Tree>();
  for (const entry of failure[1].slice(1)) {
    if (!Array.isArray(entry) || entry.length !== 2) continue;
    fields.set(showJelly(entry[0], 40).replace(/^b/, ""), entry[1]!);
  }
  const type = fields.get('"type"');
  if (type === undefined) return undefined;
  const name = showJelly(type, 100).replace(/^b?"(.*)"$/, "$1");
  return `${name}: ${showJelly(fields.get('"value"'), 200)}`;
}

/** How a connection ended, and what was open then: one line for each fact. */
export function describeEnding({ by, code, client, server, timeMs }: Ending): string[] {
  const states = { client, server };
  return [
    howEnded(by, code),
    ...(["client", "server"] as const).flatMap((side) => [
      ...openCalls(side, states[side].calls, timeMs),
      ...heldObjects(side, "objects", states[side].references, timeMs),
      ...heldObjects(side, "caches", states[side].caches, timeMs),
    ]),
  ];
}

function howEnded(by: EndedBy, code: string | undefined): string {
  if (by === "recording") return "open when the recording ended";
  if (by === "target") return `no connection to the server${code === undefined ? "" : `: ${code}`}`;
  const how = code === undefined ? "" : ` with ${code}`;
  return `closed by ${by === "tap" ? "pb tap" : `the ${by}`}${how}`;
}

function openCalls(side: Side, calls: Ending["client"]["calls"], timeMs: number): string[] {
  const lines: string[] = [];
  for (const call of calls) {
    if (lines.length === MOST_OPEN) return [...lines, `and ${calls.size - MOST_OPEN} more calls of the ${side}`];
    lines.push(
      `call ${call.id} of the ${side} was not answered: ${nameOfCall(call)}, ${seconds(timeMs - call.timeMs)} ago`,
    );
  }
  return lines;
}

/** The objects, by the message that sent them first. Many of one kind, of which none is given back, are a leak. */
function heldObjects(owner: Side, what: string, held: HeldObjects, timeMs: number): string[] {
  const groups = new Map<string, { count: number; oldestMs: number }>();
  for (const { origin, sinceMs } of held) {
    const key = `${origin.as} of ${origin.method}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { count: 1, oldestMs: sinceMs });
    else group.count++;
  }
  const sorted = [...groups].sort(([, a], [, b]) => b.count - a.count).slice(0, MOST_OPEN);
  return sorted.map(([key, { count, oldestMs }]) => {
    const holder = `the ${otherSide(owner)} still held ${count} ${count === 1 ? what.slice(0, -1) : what} of the ${owner}`;
    return `${holder}: ${key}, the oldest for ${seconds(timeMs - oldestMs)}`;
  });
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 3 : 1)} s`;
}
