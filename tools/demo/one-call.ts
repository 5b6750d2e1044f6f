// Finds one call in a recording and explains its bytes to a reader who has never seen PB's wire format.

import { encode, inspect, pb, Scanner } from "@pb/banana";
import type { Expression } from "@pb/banana";
import type { Recording } from "./act.js";

/** A message: its length in bytes, how it prints, and the rows of its table: the head of the list and each element. */
interface Message {
  readonly length: number;
  readonly text: string;
  readonly rows: readonly { readonly hex: string; readonly text: string }[];
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
    ["request", [2, 3]],
    ["answer", [2]],
  ] as const) {
    const [actual, wanted] = [theirs, ours].map((call) => {
      const elements = call[kind].rows.map(({ hex }) => hex);
      for (const number of numbers) elements[number] = "(a number)";
      return elements.join(" ");
    });
    if (actual !== wanted) throw new Error(`The ${kind} must have the bytes ${wanted!}, but has ${actual!}`);
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

function table({ rows }: Message, meanings: readonly string[]): string[] {
  return rows.flatMap(({ hex, text }, index) => {
    const [first = "", ...more] = hex.match(/(?:.. ?){1,10}/g) ?? []; // ten bytes per line
    const line = `     ${first.padEnd(32)}${text.padEnd(29)}${meanings[index] ?? ""}`;
    return [line, ...more.map((rest) => `     ${rest.trimEnd()}`)];
  });
}

/** The messages of one direction, after the negotiation of the dialect. */
function messages(stream: Uint8Array): Message[] {
  const scanner = new Scanner({ dialect: "none" });
  scanner.push(stream);
  scanner.next(); // the list of dialects (server), or the chosen dialect (client)
  scanner.dialect = pb;
  const found: Message[] = [];
  for (let start = scanner.offset, next = scanner.next(); next !== undefined; next = scanner.next()) {
    found.push(readMessage(stream.subarray(start, scanner.offset), next as Expression[]));
    start = scanner.offset;
  }
  return found;
}

/** Throws when the bytes of a message are not those of the head of a short list and of the elements. */
function readMessage(bytes: Uint8Array, elements: Expression[]): Message {
  const head = { hex: toHex(bytes.subarray(0, 2)), text: "" }; // one digit for the length, and the type byte
  const hexOf = (element: Expression): string => toHex(encode(element, { dialect: "pb" }));
  const rows = [head, ...elements.map((element) => ({ hex: hexOf(element), text: inspect(element) }))];
  if (rows.map(({ hex }) => hex).join(" ") !== toHex(bytes)) {
    throw new Error("The bytes of a message differ from the bytes of its elements.");
  }
  return { length: bytes.length, text: inspect(elements), rows };
}

function toHex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
