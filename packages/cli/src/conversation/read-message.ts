// Reads the head of a message: everything before its values.

import { inspectExpression, readExpression } from "@pb/banana";
import type { BananaReader } from "@pb/banana";
import { printable } from "@pb/jelly-types";
import { REDACTED } from "./messages.js";
import type { ObjectId, RequestId } from "./messages.js";

/** The head of a message. The reader stands before the values. */
export type Head =
  | { readonly command: "version" }
  | {
      readonly command: "message" | "cachemessage";
      readonly id: RequestId;
      readonly target: ObjectId;
      readonly method: string;
      readonly wantsAnswer: boolean;
    }
  | { readonly command: "answer" | "error"; readonly id: RequestId }
  | { readonly command: "decref" | "decache" | "uncache"; readonly target: ObjectId }
  | { readonly command: "unknown"; readonly text: string };

const lengths: Readonly<Record<string, number>> = Object.assign(Object.create(null) as object, {
  ...{ message: 7, cachemessage: 7, answer: 3, error: 3 },
  ...{ version: 2, decref: 2, decache: 2, uncache: 2 },
});

/** The longest names that are shown, in UTF-16 code units. */
const LONGEST_NAME = 200;

/** Names without control characters, that were seen before. */
const known = new Set<string>();

/** A program has few names; a peer could send many. */
const MOST_KNOWN = 4096;

/** Never throws for what a program sends. */
export function readHead(reader: BananaReader): Head {
  if (reader.kind() !== "list") return unknown(`a ${reader.kind()} in place of a message`);
  const length = reader.list();
  if (length === 0 || reader.kind() !== "bytes") return unknown("a list that does not begin with a command");
  const command = nameAt(reader);
  if (lengths[command] === undefined)
    return unknown(/^\w{1,20}$/.test(command) ? `the command ${command}` : "a command that does not exist");
  if (lengths[command] !== length) return unknown(`the command ${command} with ${length - 1} arguments`);
  switch (command) {
    case "message":
    case "cachemessage":
      return {
        command,
        id: requestIdAt(reader),
        target: objectIdAt(reader),
        method: nameAt(reader),
        wantsAnswer: truthAt(reader),
      };
    case "answer":
    case "error":
      return { command, id: requestIdAt(reader) };
    case "decref":
    case "decache":
    case "uncache":
      return { command, target: objectIdAt(reader) };
    default:
      return { command: "version" };
  }
}

/** A head without its texts, for a message in which secrets could not be replaced. */
export function hiddenHead<H extends Head>(head: H): H {
  const hidden = Object.entries(head).map(([name, value]): [string, unknown] => [
    name,
    typeof value === "string" && name !== "command" ? REDACTED : value,
  ]);
  return Object.fromEntries(hidden) as H;
}

function unknown(text: string): Head {
  return { command: "unknown", text };
}

function requestIdAt(reader: BananaReader): RequestId {
  const short = reader.shortInteger();
  if (short !== undefined) return short;
  const id = reader.kind() === "integer" ? Number(reader.integer()) : undefined;
  return id !== undefined && Number.isSafeInteger(id) ? id : otherAt(reader);
}

function objectIdAt(reader: BananaReader): ObjectId {
  const short = reader.shortInteger();
  if (short !== undefined) return short;
  if (reader.kind() === "bytes") return nameAt(reader);
  return requestIdAt(reader);
}

/** Text, also where the bytes are none. */
function nameAt(reader: BananaReader): string {
  const { offset } = reader;
  if (reader.kind() !== "bytes") return otherAt(reader);
  try {
    const name = reader.text();
    // Names repeat: to look one up is faster than to escape it again (bench `tap`).
    if (known.has(name)) return name;
    const shown = printable(name, LONGEST_NAME);
    if (shown === name && known.size < MOST_KNOWN) known.add(name);
    return shown;
  } catch {
    reader.rewind(offset);
    return otherAt(reader);
  }
}

/** Python's truth. */
function truthAt(reader: BananaReader): boolean {
  const short = reader.shortInteger();
  if (short !== undefined) return short !== 0;
  const text = otherAt(reader);
  return !["0", "0.0", "-0.0", "''", "()", "<>"].includes(text);
}

function otherAt(reader: BananaReader): string {
  return printable(inspectExpression(readExpression(reader)), LONGEST_NAME);
}
