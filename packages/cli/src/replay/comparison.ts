// Compares what the live peer sent with what was recorded.

import { encode, none } from "@pb/banana";
import type { Expression } from "@pb/banana";
import { printable } from "@pb/jelly-types";
import { REDACTED } from "../conversation/messages.js";
import type { Message } from "../conversation/messages.js";
import { latin1 } from "../conversation/redact.js";
import { CONTAINERS } from "../conversation/scan-values.js";
import type { PeerIds } from "./ids.js";
import type { ReadMessage } from "./script.js";

/** Where two messages differ. */
export interface Mismatch {
  /** A path such as `$.args[0]`. */
  readonly path: string;
  readonly recorded: Expression | undefined;
  readonly live: Expression | undefined;
}

export interface ComparisonOptions {
  /** Names of methods and fields whose values may differ. */
  readonly ignored: ReadonlySet<string>;
  /** Whether the order in sets and dicts, and the details of errors, must be the same. */
  readonly isStrict: boolean;
}

/** Entries of a set or a dict that are compared in any order: that takes the square of their number. */
const MOST_UNORDERED = 1000;

/** Characters of the name of a field in a path. */
const LONGEST_NAME = 80;

/** Whether two messages are the same call, or the answer to the same call: only their values can differ. */
export function isSameKind(recorded: Message, live: Message): boolean {
  if (recorded.kind === "call") {
    return live.kind === "call" && recorded.method === live.method && recorded.isCache === live.isCache;
  }
  if (recorded.kind === "answer" || recorded.kind === "error") {
    return (live.kind === "answer" || live.kind === "error") && recorded.id === live.id;
  }
  return recorded.kind === live.kind;
}

/**
 * Compares a message of the peer with a recorded one. Joins the numbers of the peer in `ids` if they are the same.
 * Returns the first difference otherwise.
 */
export function compareMessages(
  recorded: ReadMessage,
  live: ReadMessage,
  ids: PeerIds,
  options: ComparisonOptions,
): Mismatch | undefined {
  if (!isSameKind(recorded.message, live.message) || recorded.message.kind !== live.message.kind)
    return { path: "$", recorded: recorded.tree, live: live.tree };
  if (recorded.tree === undefined || live.tree === undefined) return undefined;
  const comparison = new Comparison(options);
  const mismatch = comparison.messages(recorded, live);
  return mismatch ?? comparison.join(ids);
}

class Comparison {
  readonly #options: ComparisonOptions;
  readonly #joined: (readonly [
    keyof PeerIds & ("references" | "caches" | "requests"),
    Expression,
    Expression,
    string,
  ])[] = [];
  /** Whether byte strings may differ, as the challenges and random numbers of logins do. */
  #areBytesRandom = false;

  constructor(options: ComparisonOptions) {
    this.#options = options;
  }

  /** Notes which numbers belong together. Returns a difference if an object is another one than before. */
  join(ids: PeerIds): Mismatch | undefined {
    for (const [kind, recorded, live, path] of this.#joined)
      if (!ids[kind].join(recorded, live)) return { path, recorded, live };
    return undefined;
  }

  messages({ message, tree }: ReadMessage, { tree: liveTree }: ReadMessage): Mismatch | undefined {
    const [recorded, live] = [tree as readonly Expression[], liveTree as readonly Expression[]];
    const { ignored, isStrict } = this.#options;
    switch (message.kind) {
      case "call": {
        const head =
          this.#targets(message.isCache, recorded[2]!, live[2]!) ??
          this.#values(recorded[4]!, live[4]!, "$.wantsAnswer");
        if (head !== undefined) return head;
        this.#joined.push(["requests", recorded[1]!, live[1]!, "$.id"]);
        if (ignored.has(message.method)) return undefined;
        this.#areBytesRandom = message.target === "pbx.login";
        return this.#values(recorded[5]!, live[5]!, "$.args") ?? this.#values(recorded[6]!, live[6]!, "$.kwargs");
      }
      case "answer":
        this.#areBytesRandom = message.call !== undefined && /^(login|scram)/.test(message.call.method);
        if (message.call !== undefined && ignored.has(message.call.method)) return undefined;
        return this.#values(recorded[2]!, live[2]!, "$.result");
      case "error":
        return isStrict ? this.#values(recorded[2]!, live[2]!, "$.error") : this.#errors(recorded[2]!, live[2]!);
      case "decref":
      case "decache":
        return this.#values(recorded[1]!, live[1]!, "$.id");
      case "uncache":
        this.#joined.push(["caches", recorded[1]!, live[1]!, "$.id"]);
        return undefined;
      case "offer":
      case "choice":
        return isStrict ? this.#values(tree!, liveTree!, "$") : undefined;
      default:
        return this.#values(tree!, liveTree!, "$");
    }
  }

  /** The peer calls an object of this end, or a copy here of a cached object of its own. */
  #targets(isCache: boolean, recorded: Expression, live: Expression): Mismatch | undefined {
    if (!isCache) return this.#values(recorded, live, "$.object");
    this.#joined.push(["caches", recorded, live, "$.object"]);
    return undefined;
  }

  /** An error by its class and text. Tracebacks differ from machine to machine. */
  #errors(recorded: Expression, live: Expression): Mismatch | undefined {
    const [before, now] = [fieldsOf(recorded), fieldsOf(live)];
    if (before === undefined || now === undefined) return this.#values(recorded, live, "$.error");
    for (const name of ["type", "value"]) {
      const [a, b] = [before.get(name), now.get(name)];
      if (a === undefined || b === undefined) continue;
      const mismatch = this.#values(withoutAddresses(a), withoutAddresses(b), `$.error.${name}`);
      if (mismatch !== undefined) return mismatch;
    }
    return undefined;
  }

  #values(recorded: Expression, live: Expression, path: string): Mismatch | undefined {
    const mismatch = { path, recorded, live };
    if (isRedacted(recorded) || isRedacted(live)) return undefined;
    if (!Array.isArray(recorded) || !Array.isArray(live)) {
      if (Array.isArray(recorded) !== Array.isArray(live)) return mismatch;
      if (this.#areBytesRandom && recorded instanceof Uint8Array && live instanceof Uint8Array) return undefined;
      return isSame(recorded, live) ? undefined : mismatch;
    }
    const word = latin1(recorded[0]);
    if (word !== latin1(live[0]) || recorded.length !== live.length) return mismatch;
    if (word === "unicode") return this.#areBytesRandom || isSame(recorded, live) ? undefined : mismatch;
    if (recorded.length === 2 && (word === "remote" || word === "cached")) {
      this.#joined.push([word === "remote" ? "references" : "caches", recorded[1]!, live[1]!, path]);
      return undefined;
    }
    if (isCache(word, recorded) && isCache(word, live)) {
      this.#joined.push(["caches", recorded[1]!, live[1]!, path]);
      return this.#values(recorded[2]!, live[2]!, `${path}.state`);
    }
    const isUnordered = word === "dictionary" || word === "set" || word === "frozenset";
    if (isUnordered && !this.#options.isStrict && recorded.length <= MOST_UNORDERED) {
      return this.#unordered(recorded, live, path, word);
    }
    return this.#inOrder(recorded, live, path, word);
  }

  #inOrder(recorded: readonly Expression[], live: readonly Expression[], path: string, word: string | undefined) {
    for (const [index, item] of recorded.entries()) {
      const other = live[index]!;
      if (index === 0 && word !== undefined) continue;
      const mismatch =
        word === "dictionary" ? this.#entry(item, other, path) : this.#values(item, other, `${path}[${index - 1}]`);
      if (mismatch !== undefined) return mismatch;
    }
    return undefined;
  }

  #unordered(recorded: readonly Expression[], live: readonly Expression[], path: string, word: string) {
    const left = live.slice(1);
    for (const item of recorded.slice(1)) {
      const keys = word === "dictionary" ? left.map((other) => isSame(keyOf(item), keyOf(other))) : [];
      const place = word === "dictionary" ? keys.indexOf(true) : left.findIndex((other) => this.#isLike(item, other));
      if (place < 0) return { path: `${path}${nameOf(item, word)}`, recorded: item, live: undefined };
      const [other] = left.splice(place, 1);
      const mismatch = word === "dictionary" ? this.#entry(item, other!, path) : this.#values(item, other!, path);
      if (mismatch !== undefined) return mismatch;
    }
    return undefined;
  }

  /** Whether two members of a set are the same, without joining numbers. */
  #isLike(recorded: Expression, live: Expression): boolean {
    return new Comparison(this.#options).#values(recorded, live, "$") === undefined;
  }

  #entry(recorded: Expression, live: Expression, path: string): Mismatch | undefined {
    if (!Array.isArray(recorded) || !Array.isArray(live)) return this.#values(recorded, live, path);
    const name = textOf(recorded[0]);
    const place = `${path}${nameOf(recorded, "dictionary")}`;
    if (name !== undefined && this.#options.ignored.has(name)) return undefined;
    return this.#values(recorded[0]!, live[0]!, `${place} (key)`) ?? this.#values(recorded[1]!, live[1]!, place);
  }
}

/** A cached object in full: its class, its number and its state. */
function isCache(word: string | undefined, value: readonly Expression[]): boolean {
  if (word === undefined || value.length !== 3 || CONTAINERS.has(word)) return false;
  return typeof value[1] === "number" && word !== "reference" && word !== "dictionary";
}

function isRedacted(value: Expression): boolean {
  if (Array.isArray(value)) return value.length === 2 && latin1(value[0]) === "unicode" && isRedacted(value[1]!);
  return latin1(value) === REDACTED;
}

function isSame(one: Expression | undefined, other: Expression | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  if (one === other) return true;
  return Buffer.compare(encode(one, { dialect: none }), encode(other, { dialect: none })) === 0;
}

function keyOf(entry: Expression): Expression | undefined {
  return Array.isArray(entry) ? entry[0] : entry;
}

function textOf(value: Expression | undefined): string | undefined {
  return Array.isArray(value) && latin1(value[0]) === "unicode" ? latin1(value[1]) : latin1(value);
}

function nameOf(entry: Expression, word: string): string {
  const name = word === "dictionary" ? textOf(keyOf(entry)) : undefined;
  return name === undefined ? "" : `.${printable(Buffer.from(name, "latin1").toString(), LONGEST_NAME)}`;
}

/** The fields of a failure. */
function fieldsOf(failure: Expression): Map<string, Expression> | undefined {
  const state = Array.isArray(failure)
    ? failure.find((item) => Array.isArray(item) && latin1(item[0]) === "dictionary")
    : undefined;
  if (!Array.isArray(state)) return undefined;
  return new Map(
    state.flatMap((entry) => {
      const name = Array.isArray(entry) ? textOf(entry[0]) : undefined;
      return name === undefined ? [] : [[name, (entry as readonly Expression[])[1]!] as const];
    }),
  );
}

/** Addresses of objects in the text of an error are different in each process. */
function withoutAddresses(value: Expression): Expression {
  if (Array.isArray(value)) return value.map(withoutAddresses);
  const text = latin1(value);
  return text === undefined ? value : new Uint8Array(Buffer.from(text.replaceAll(/0x[0-9a-f]+/gi, "0x"), "latin1"));
}
