// Shows values of a message in a few characters, much as Python would.

import { BananaError, BananaReader, encode, formatFloat, none } from "@pb/banana";
import type { Expression } from "@pb/banana";
import { quoted } from "../values/show-value.js";

/** Characters of a text or byte string. */
const LONGEST_TEXT = 60;

/** Characters of the number of an object. */
const LONGEST_ID = 40;

/** Writes until it is full: a peer may send millions of values. */
class Line {
  text = "";
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  get isFull(): boolean {
    return this.text.length >= this.#most;
  }

  add(text: string): void {
    if (!this.isFull) this.text += text;
  }

  end(): string {
    return this.isFull ? `${this.text.slice(0, this.#most)}…` : this.text;
  }
}

/** One value. */
export function showJelly(value: Expression | undefined, most: number): string {
  if (value === undefined) return "";
  const bytes = encode(value);
  return showJellyAt(new BananaReader().reset(bytes, 0, bytes.length, none, 0), most);
}

/** The next value of a reader, which may have moved to anywhere afterwards. */
export function showJellyAt(reader: BananaReader, most: number): string {
  const line = new Line(most);
  whileReadable(line, () => show(reader, line));
  return line.end();
}

/** The next two values of a reader, the arguments of a call, between parentheses. */
export function showArgumentsAt(reader: BananaReader, most: number): string {
  const line = new Line(most);
  whileReadable(line, () => {
    line.add("(");
    const args = elementsAfterTag(reader);
    each(args, line, () => show(reader, line));
    if (line.isFull) return;
    const kwargs = elementsAfterTag(reader);
    if (args > 0 && kwargs > 0) line.add(", ");
    each(kwargs, line, () => {
      pair(reader, line, "=", () => {
        const name = nameAt(reader);
        if (name === undefined) line.add(shortAt(reader, LONGEST_TEXT));
        else line.add(name);
      });
    });
    line.add(")");
  });
  return line.end();
}

/** A word that the dialect does not have, or one that is too long for a tag, ends the line. */
function whileReadable(line: Line, action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof BananaError)) throw error;
    line.add("…");
  }
}

/** Shows an element. Where the line becomes full, the reader stays inside it: nothing after it is shown. */
function show(reader: BananaReader, line: Line): void {
  if (line.isFull) return;
  switch (reader.kind()) {
    case "bytes":
      line.add(`b${bytes(reader.bytes())}`);
      break;
    case "integer":
      line.add(String(reader.shortInteger() ?? reader.integer()));
      break;
    case "float":
      line.add(formatFloat(reader.float()));
      break;
    default:
      showList(reader, line);
  }
}

const brackets: ReadonlyMap<string, readonly [string, string]> = new Map([
  ["list", ["[", "]"]],
  ["tuple", ["(", ")"]],
  ["set", ["set(", ")"]],
  ["frozenset", ["frozenset(", ")"]],
]);

function showList(reader: BananaReader, line: Line): void {
  const length = reader.list();
  if (length === 0 || reader.kind() !== "bytes") {
    showItems("[", length, "]", reader, line);
    return;
  }
  const tag = reader.word();
  const left = length - 1;
  if (tag === "unicode") {
    const isText = left > 0 && reader.kind() === "bytes";
    line.add(isText ? textAt(reader) : '""');
    skip(reader, isText ? left - 1 : left);
  } else if (tag === "dictionary") showDictionary(left, reader, line);
  else {
    const around = brackets.get(tag);
    if (around !== undefined) showItems(around[0], left, around[1], reader, line);
    else showTagged(tag, left, reader, line);
  }
}

function showTagged(tag: string, left: number, reader: BananaReader, line: Line): void {
  const first = (): string => (left === 0 ? "" : shortAt(reader, LONGEST_ID));
  let read = Math.min(left, 1);
  switch (tag) {
    case "boolean":
      if (left > 0 && reader.kind() !== "bytes") read = 0;
      line.add(read > 0 && reader.word() === "true" ? "True" : "False");
      break;
    case "None":
      line.add("None");
      read = 0;
      break;
    case "remote":
      line.add(`object ${first()}`);
      break;
    case "local":
      line.add(`your object ${(left === 0 ? undefined : nameAt(reader)) ?? first()}`);
      break;
    case "cached":
    case "lcache":
      line.add(`cache ${first()}`);
      break;
    case "dereference":
      line.add(`same ${first()}`);
      break;
    case "reference":
      skip(reader, read);
      if (left < 2) return;
      show(reader, line);
      read = 2;
      break;
    default:
      line.add(printableName(tag));
      showItems("(", left, ")", reader, line);
      return;
  }
  if (!line.isFull) skip(reader, left - read);
}

function showDictionary(entries: number, reader: BananaReader, line: Line): void {
  line.add("{");
  each(entries, line, () => pair(reader, line, ": ", () => show(reader, line)));
  line.add("}");
}

/** A key and a value. Anything else in their place is shown as far as it has the form of a pair. */
function pair(reader: BananaReader, line: Line, between: string, showKey: () => void): void {
  if (reader.kind() !== "list") {
    reader.skip();
    line.add(between);
    return;
  }
  const length = reader.list();
  if (length > 0) showKey();
  line.add(between);
  if (length > 1) show(reader, line);
  if (length > 2 && !line.isFull) skip(reader, length - 2);
}

function showItems(open: string, count: number, close: string, reader: BananaReader, line: Line): void {
  line.add(open);
  each(count, line, () => show(reader, line));
  line.add(close);
}

function each(count: number, line: Line, action: () => void): void {
  for (let index = 0; index < count; index++) {
    if (line.isFull) return;
    if (index > 0) line.add(", ");
    action();
  }
}

/** Reads the head of a list and its first element. Returns how many follow. */
function elementsAfterTag(reader: BananaReader): number {
  const length = reader.kind() === "list" ? reader.list() : -1;
  if (length !== 0) reader.skip();
  return Math.max(0, length - 1);
}

/** Reads one element, whatever its length. */
function shortAt(reader: BananaReader, most: number): string {
  const { offset } = reader;
  const line = new Line(most);
  show(reader, line);
  reader.rewind(offset);
  reader.skip();
  return line.end();
}

function skip(reader: BananaReader, count: number): void {
  for (let index = 0; index < count; index++) reader.skip();
}

/** Text, or hexadecimal where it is none. */
function bytes(value: Uint8Array): string {
  const shown = value.subarray(0, LONGEST_TEXT);
  if (shown.every((byte: number) => byte >= 0x20 && byte < 0x7f)) return text(value);
  return `<${Buffer.from(shown.subarray(0, 16)).toString("hex")}${value.length > 16 ? "…" : ""} ${value.length} bytes>`;
}

/** Bytes of a byte string with its head that `BananaReader.word` may have in its cache. */
const SHORT = 62;

const ASCII = /^[ -~]*$/;

/** Reads a byte string. */
function textAt(reader: BananaReader): string {
  const { offset } = reader;
  const before = reader.bytesLeft;
  reader.skip();
  const size = before - reader.bytesLeft;
  reader.rewind(offset);
  if (size > SHORT) return text(reader.bytes());
  const word = reader.word();
  return ASCII.test(word) ? quoted(word) : text(Buffer.from(word, "latin1"));
}

function text(value: Uint8Array): string {
  const shown = Buffer.from(value.subarray(0, 4 * LONGEST_TEXT)).toString();
  if (shown.length <= LONGEST_TEXT && value.length <= 4 * LONGEST_TEXT) return quoted(shown);
  return `${quoted(shown.slice(0, LONGEST_TEXT))}… ${value.length} bytes`;
}

/** Reads a name in a byte string or a text. Undefined for anything else, which is not read. */
function nameAt(reader: BananaReader): string | undefined {
  const { offset } = reader;
  const name = wordAt(reader);
  if (name !== undefined && /^[A-Za-z_]\w{0,39}$/.test(name)) return name;
  reader.rewind(offset);
  return undefined;
}

function wordAt(reader: BananaReader): string | undefined {
  if (reader.kind() === "bytes") return reader.word();
  if (reader.kind() !== "list" || reader.list() !== 2 || reader.kind() !== "bytes") return undefined;
  reader.skip();
  return reader.kind() === "bytes" ? reader.word() : undefined;
}

function printableName(tag: string): string {
  return /^[\w.]{1,80}$/.test(tag) ? tag : quoted(tag.slice(0, 80));
}
