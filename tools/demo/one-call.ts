// Finds one call in a recording and explains its bytes to a reader who has never seen PB's wire format.

import { encode, inspect, pb, Scanner } from "@pb/banana";
import type { Expression } from "@pb/banana";
import type { Recording } from "./act.js";

/** A message: its length in bytes, its elements, and the bytes, in hexadecimal, of the head and of each element. */
interface Message {
  readonly length: number;
  readonly elements: Expression[];
  readonly parts: readonly string[];
}

export type Call = Readonly<Record<"request" | "answer", Message>>;

/** What the head of the list and the elements of a message mean. The meanings of numbers start with {@link ANY}. */
const ANY = "the number of ";
const meanings = {
  request: [
    "a list of 7 elements",
    "the type of the message: a call",
    `${ANY}the request`,
    `${ANY}the object: Alice's avatar`,
    "the method: perspective_bid of the avatar",
    "1: the caller expects an answer",
    "the arguments",
    "the keyword arguments: none",
  ],
  answer: ["a list of 3 elements", "the type of the message: an answer", `${ANY}the request`, "the result"],
} as const;

/** Finds `bid("teapot", 45)` and its answer. Throws when they are not in the recording as expected. */
export function findBid({ fromClient, fromServer }: Recording): Call {
  const bid = /^\(message (\d+) (\d+) bid 1 \(tuple \(unicode teapot\) 45\) \(dictionary\)\)$/;
  const answers = messages(fromServer).map((message) => ({ message, text: inspect(message.elements) }));
  for (const request of messages(fromClient)) {
    const [, requestNumber = "", avatar = ""] = bid.exec(inspect(request.elements)) ?? [];
    const answer = answers.find(({ text }) => text === `(answer ${requestNumber} 45)`);
    const isAvatar = answers.some(({ text }) => text.startsWith("(answer ") && text.endsWith(` (remote ${avatar}))`));
    if (answer !== undefined && isAvatar) return { request, answer: answer.message };
  }
  throw new Error('The recording does not contain bid("teapot", 45) on the avatar, and its answer.');
}

/** Throws unless both calls have the same bytes, apart from the numbers of request and object. */
export function expectSameBytes(theirs: Call, ours: Call): void {
  for (const kind of ["request", "answer"] as const) {
    const [actual, wanted] = [theirs, ours].map((call) =>
      call[kind].parts.map((hex, index) => (meanings[kind][index]!.startsWith(ANY) ? "(a number)" : hex)).join(" "),
    );
    if (actual !== wanted) throw new Error(`The ${kind} must have the bytes ${wanted!}, but has ${actual!}`);
  }
}

/** Lines of a table: the bytes of each element, its value, and its meaning. */
export function explain(call: Call): string[] {
  return [...table(call, "request"), "   The server answers:", ...table(call, "answer")];
}

function table(call: Call, kind: keyof Call): string[] {
  const { elements, parts } = call[kind];
  return parts.flatMap((hex, index) => {
    const [first = "", ...more] = hex.match(/(?:.. ?){1,10}/g) ?? []; // ten bytes per line
    const text = index === 0 ? "" : inspect(elements[index - 1]!);
    const line = `     ${first.padEnd(32)}${text.padEnd(29)}${meanings[kind][index]!}`;
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
  const head = bytes.subarray(0, 2); // one digit for the length, and the type byte
  const parts = [head, ...elements.map((element) => encode(element, { dialect: "pb" }))].map(toHex);
  if (parts.join(" ") !== toHex(bytes)) throw new Error("The bytes of a message differ from those of its elements.");
  return { length: bytes.length, elements, parts };
}

function toHex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
