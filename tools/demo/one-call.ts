// Finds one call in a recording and explains its bytes to a reader who has never seen PB's wire format.

import { encode, inspect, pb, Scanner } from "@pb/banana";
import type { Expression } from "@pb/banana";
import type { Recording } from "./act.js";

/** Bytes before the elements of a short list: one digit for the length, and the type byte. */
const LIST_HEAD = 2;

/** A message: its bytes, the elements of its list, and how they print. */
interface Message {
  readonly bytes: Uint8Array;
  readonly elements: Expression[];
  readonly text: string;
}

export interface Call {
  readonly request: Message;
  readonly answer: Message;
}

/** Finds `bid("teapot", 45)` and its answer. Throws when they are not in the recording as expected. */
export function findBid({ fromClient, fromServer }: Recording): Call {
  const bid = /^\(message (\d+) (\d+) bid 1 \(tuple \(unicode teapot\) 45\) \(dictionary\)\)$/;
  const answers = messages(fromServer);
  for (const request of messages(fromClient)) {
    const [, requestNumber = "", avatar = ""] = bid.exec(request.text) ?? [];
    const answer = answers.find(({ text }) => text === `(answer ${requestNumber} 45)`);
    const isAvatar = answers.some(({ text }) => text.startsWith("(answer ") && text.endsWith(` (remote ${avatar}))`));
    if (answer !== undefined && isAvatar) return { request, answer };
  }
  throw new Error('The recording does not contain bid("teapot", 45) on the avatar, and its answer.');
}

/** Throws unless both calls have the same bytes, apart from the numbers of request and object. */
export function expectSameBytes(theirs: Call, ours: Call): void {
  for (const [kind, numbers] of [
    ["request", [1, 2]],
    ["answer", [1]],
  ] as const) {
    const [one, other] = [theirs, ours].map((call) => {
      const rows = elementRows(call[kind]).filter((_row, index) => !numbers.some((number) => number === index));
      return rows.map((row) => row.hex).join(" ");
    });
    if (one !== other) {
      throw new Error(`The ${kind} must have the bytes ${hex(ours[kind].bytes)}, but has ${hex(theirs[kind].bytes)}`);
    }
  }
}

/** Lines of a table: the bytes of each element, its value, and its meaning. */
export function explain({ request, answer }: Call): string[] {
  return [
    ...table(request, [
      "a list of 7 elements",
      "the type of the message: a call",
      "the number of the request",
      "the number of the object: Alice's avatar",
      "the method: perspective_bid of the avatar",
      "1: the caller expects an answer",
      "the arguments",
      "the keyword arguments: none",
    ]),
    "   The server answers:",
    ...table(answer, [
      "a list of 3 elements",
      "the type of the message: an answer",
      "the number of the request",
      "the result",
    ]),
  ];
}

function table(message: Message, meanings: readonly string[]): string[] {
  const rows = [{ hex: hex(message.bytes.subarray(0, LIST_HEAD)), text: "" }, ...elementRows(message)];
  return rows.flatMap(({ hex: bytes, text }, index) => {
    const [first = "", ...more] = bytes.match(/(?:.. ?){1,10}/g) ?? []; // ten bytes per line
    const line = `     ${first.padEnd(32)}${text.padEnd(29)}${meanings[index] ?? ""}`;
    return [line, ...more.map((rest) => `     ${rest.trimEnd()}`)];
  });
}

/** Each element with its bytes. Throws when they are not all bytes of the message. */
function elementRows({ bytes, elements }: Message): { hex: string; text: string }[] {
  const rows = elements.map((element) => ({ hex: hex(encode(element, { dialect: "pb" })), text: inspect(element) }));
  if (rows.map((row) => row.hex).join(" ") !== hex(bytes.subarray(LIST_HEAD))) {
    throw new Error("The bytes of a message differ from the bytes of its elements.");
  }
  return rows;
}

/** The messages of one direction, after the negotiation of the dialect. */
function messages(stream: Uint8Array): Message[] {
  const scanner = new Scanner({ dialect: "none" });
  scanner.push(stream);
  scanner.next(); // the list of dialects (server), or the chosen dialect (client)
  scanner.dialect = pb;
  const found: Message[] = [];
  for (let start = scanner.offset, next = scanner.next(); next !== undefined; next = scanner.next()) {
    const elements = next as Expression[];
    found.push({ bytes: stream.subarray(start, scanner.offset), elements, text: inspect(elements) });
    start = scanner.offset;
  }
  return found;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString("hex")
    .replace(/..(?!$)/g, "$& ");
}
