// Shows values of a message in a few characters, much as Python would.

import { formatFloat } from "@pb/banana";
import type { Expression } from "@pb/banana";
import { latin1 } from "../conversation/redact.js";
import { quoted } from "../values/show-value.js";

/** Characters of a text or byte string. */
const LONGEST_TEXT = 60;

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
  const line = new Line(most);
  show(value, line);
  return line.end();
}

/** The arguments of a call between parentheses. */
export function showArguments(args: Expression | undefined, kwargs: Expression | undefined, most: number): string {
  const line = new Line(most);
  const values = listOf(args).slice(1);
  const entries = listOf(kwargs).slice(1);
  line.add("(");
  each([...values, ...entries], line, (value, index) => {
    if (index < values.length) show(value, line);
    else {
      const [key, item] = listOf(value);
      line.add(`${nameOf(key) ?? showJelly(key, LONGEST_TEXT)}=`);
      show(item, line);
    }
  });
  line.add(")");
  return line.end();
}

function show(value: Expression | undefined, line: Line): void {
  if (line.isFull) return;
  if (value instanceof Uint8Array) line.add(`b${bytes(value)}`);
  else if (Array.isArray(value)) showList(value, line);
  else if (typeof value === "number" || typeof value === "bigint") line.add(String(value));
  else if (value !== undefined) line.add(formatFloat(value.value));
}

const brackets: ReadonlyMap<string, readonly [string, string]> = new Map([
  ["list", ["[", "]"]],
  ["tuple", ["(", ")"]],
  ["set", ["set(", ")"]],
  ["frozenset", ["frozenset(", ")"]],
]);

function showList(value: readonly Expression[], line: Line): void {
  const tag = latin1(value[0]);
  const items = value.slice(1);
  if (tag === undefined) return showItems("[", value, "]", line);
  const around = brackets.get(tag);
  if (around !== undefined) return showItems(around[0], items, around[1], line);
  switch (tag) {
    case "unicode":
      return line.add(items[0] instanceof Uint8Array ? text(items[0]) : '""');
    case "boolean":
      return line.add(latin1(items[0]) === "true" ? "True" : "False");
    case "None":
      return line.add("None");
    case "dictionary":
      return showDictionary(items, line);
    case "remote":
      return line.add(`object ${showJelly(items[0], 40)}`);
    case "local":
      return line.add(`your object ${nameOf(items[0]) ?? showJelly(items[0], 40)}`);
    case "cached":
    case "lcache":
      return line.add(`cache ${showJelly(items[0], 40)}`);
    case "reference":
      return show(items[1], line);
    case "dereference":
      return line.add(`same ${showJelly(items[0], 40)}`);
    default:
      line.add(printableName(tag));
      showItems("(", items, ")", line);
  }
}

function showDictionary(entries: readonly Expression[], line: Line): void {
  line.add("{");
  each(entries, line, (entry) => {
    const [key, item] = listOf(entry);
    show(key, line);
    line.add(": ");
    show(item, line);
  });
  line.add("}");
}

function showItems(open: string, items: readonly Expression[], close: string, line: Line): void {
  line.add(open);
  each(items, line, (item) => show(item, line));
  line.add(close);
}

function each<T>(items: readonly T[], line: Line, action: (item: T, index: number) => void): void {
  for (const [index, item] of items.entries()) {
    if (line.isFull) return;
    if (index > 0) line.add(", ");
    action(item, index);
  }
}

/** Text, or hexadecimal where it is none. */
function bytes(value: Uint8Array): string {
  const shown = value.subarray(0, LONGEST_TEXT);
  if (shown.every((byte: number) => byte >= 0x20 && byte < 0x7f)) return text(value);
  return `<${Buffer.from(shown.subarray(0, 16)).toString("hex")}${value.length > 16 ? "…" : ""} ${value.length} bytes>`;
}

function text(value: Uint8Array): string {
  const shown = Buffer.from(value.subarray(0, 4 * LONGEST_TEXT)).toString();
  if (shown.length <= LONGEST_TEXT && value.length <= 4 * LONGEST_TEXT) return quoted(shown);
  return `${quoted(shown.slice(0, LONGEST_TEXT))}… ${value.length} bytes`;
}

/** A name in a byte string or a text, if it looks like one. */
function nameOf(value: Expression | undefined): string | undefined {
  const name = latin1(value) ?? latin1(listOf(value)[1]);
  return name !== undefined && /^[A-Za-z_]\w{0,39}$/.test(name) ? name : undefined;
}

function printableName(tag: string): string {
  return /^[\w.]{1,80}$/.test(tag) ? tag : quoted(tag.slice(0, 80));
}

function listOf(value: Expression | undefined): readonly Expression[] {
  return Array.isArray(value) ? value : [];
}
