// One call of a recording, taken apart for a reader who sees PB's bytes for the first time.

import { encode, inspect, pb, Scanner } from "@pb/banana";
import type { Expression } from "@pb/banana";
import type { Recording } from "./act.js";

/** One digit and the type byte: what a short list begins with. */
const LIST_HEAD = 2;

/** A message: its bytes, and what they say. */
interface Message {
  readonly bytes: Uint8Array;
  readonly expression: Expression[];
  readonly text: string;
}

/** A call and its answer. */
export interface Call {
  readonly question: Message;
  readonly answer: Message;
}

/** Finds `bid("teapot", 45)` in a recording. Throws where it is not as it should be. */
export function findBid({ fromAlice, fromHouse }: Recording): Call {
  const bid = /^\(message (\d+) (\d+) bid 1 \(tuple \(unicode teapot\) 45\) \(dictionary\)\)$/;
  const question = messages(fromAlice).find(({ text }) => bid.test(text));
  if (question === undefined) throw new Error('The call bid("teapot", 45) is not in what Alice sent.');
  const [, request = "", avatar = ""] = bid.exec(question.text) ?? [];

  const answers = messages(fromHouse);
  const answer = answers.find(({ text }) => text === `(answer ${request} 45)`);
  if (answer === undefined) throw new Error('The answer to bid("teapot", 45) is not in what the house sent.');
  const isGiven = answers.some(({ text }) => text.startsWith("(answer ") && text.endsWith(` (remote ${avatar}))`));
  if (!isGiven) throw new Error("What Alice calls is no object that the house gave her.");
  return { question, answer };
}

/** Throws unless both calls have the same bytes, but for the numbers of call and object: these depend on what was before. */
export function expectSame(theirs: Call, ours: Call): void {
  const { question, answer } = ours;
  expectSameBytes(theirs.question, question, [0, 3, 4, 5, 6]);
  expectSameBytes(theirs.answer, answer, [0, 2]);
}

function expectSameBytes(theirs: Message, ours: Message, elements: readonly number[]): void {
  const [one, other] = [theirs, ours].map((message) => {
    const all = elementsOf(message);
    return [all.length, ...elements.map((index) => all[index]?.hex)].join(" ");
  });
  if (one !== other)
    throw new Error(`Expected the bytes ${hex(ours.bytes)} but for the numbers, not ${hex(theirs.bytes)}`);
}

/** A table of the elements of both messages: their bytes, how they read, what they are for. */
export function explain({ question, answer }: Call): string[] {
  return [
    ...table(question, [
      "a list of seven:",
      "this is a call",
      "its number",
      "what is called: that object of the house",
      "the method: perspective_bid",
      "an answer is wanted",
      "the arguments",
      "the keyword arguments: none",
    ]),
    "   and the house answers:",
    ...table(answer, ["a list of three:", "this is an answer", "to the call of that number", "the result"]),
  ];
}

function table(message: Message, meanings: readonly string[]): string[] {
  const rows = [{ hex: hex(message.bytes.subarray(0, LIST_HEAD)), text: "" }, ...elementsOf(message)];
  return rows.flatMap((row, index) => layOut(row.hex, row.text, meanings[index] ?? ""));
}

/** Each element with its bytes. Throws where they are not all of the message's. */
function elementsOf({ bytes, expression }: Message): { hex: string; text: string }[] {
  const elements = expression.map((element) => ({
    hex: hex(encode(element, { dialect: "pb" })),
    text: inspect(element),
  }));
  if (elements.map((element) => element.hex).join(" ") !== hex(bytes.subarray(LIST_HEAD))) {
    throw new Error("The bytes of a message are not those of its elements.");
  }
  return elements;
}

/** Ten bytes to a line. */
function layOut(bytes: string, text: string, meaning: string): string[] {
  const [first = "", ...more] = bytes.match(/(?:.. ?){1,10}/g) ?? [];
  const indent = " ".repeat(5);
  return [`${indent}${first.padEnd(32)}${text.padEnd(29)}${meaning}`, ...more.map((line) => indent + line.trimEnd())];
}

/** What one side said once the dialects were agreed on. */
function messages(stream: Uint8Array): Message[] {
  const scanner = new Scanner({ dialect: "none" });
  scanner.push(stream);
  // First comes the list of dialects, or the choice of one of them.
  scanner.next();
  scanner.dialect = pb;
  const found: Message[] = [];
  for (let start = scanner.offset, next = scanner.next(); next !== undefined; next = scanner.next()) {
    const expression = next as Expression[];
    found.push({ bytes: stream.subarray(start, scanner.offset), expression, text: inspect(expression) });
    start = scanner.offset;
  }
  return found;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
