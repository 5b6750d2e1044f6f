// The records of the log of a live object. A record is a line of JSON, which says what it is, and then the bytes of a
// state or a patch as they are sent to viewers.

import { pb } from "@pb/banana";
import { PlainTree } from "@pb/jelly-types";
import { ClusterError } from "../errors.js";
import { readTree } from "./tree.js";

/** The node that writes a log. */
export interface Home {
  readonly node: string;
  /** Where other nodes reach it. Undefined if they cannot. */
  readonly address: string | undefined;
  /** Differs for each start of a node. */
  readonly run: string;
}

/** Which revision the state had when an epoch began. */
export type Beginning = readonly [epoch: number, revision: number];

/**
 * - `home`: from now on, another node writes the log. An epoch begins.
 * - `snapshot`: the whole state, which has not changed. The earlier records are not needed anymore. The first record of
 *   a log is one, and begins the first epoch.
 * - `patch`: makes the state of `revision` of that of the revision `since`.
 */
export type LogRecord =
  | (Epoch & { readonly kind: "home" })
  | (Epoch & { readonly kind: "snapshot"; readonly tree: PlainTree })
  | {
      readonly kind: "patch";
      readonly epoch: number;
      readonly revision: number;
      readonly since: number;
      readonly tree: PlainTree;
    };

interface Epoch {
  readonly epoch: number;
  readonly revision: number;
  readonly home: Home;
  /** The last epochs, this one included. */
  readonly beginnings: readonly Beginning[];
}

const NEWLINE = 10;
const VERSION = 1;
const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder();

/** Throws `JellyError` for a tree that cannot be sent. */
export function encodeRecord(record: LogRecord): Uint8Array {
  const { tree, ...head } = record as Exclude<LogRecord, { kind: "home" }>;
  const levels = (tree as PlainTree | undefined)?.levelsIn(pb);
  const text = utf8.encode(`${JSON.stringify({ v: VERSION, ...head, levels })}\n`);
  const body = (tree as PlainTree | undefined)?.bytesIn(pb) ?? new Uint8Array();
  const bytes = new Uint8Array(text.length + body.length);
  bytes.set(text);
  bytes.set(body, text.length);
  return bytes;
}

/** Throws `ClusterError` for a record that cannot be read. */
export function decodeRecord(bytes: Uint8Array): LogRecord {
  const end = bytes.indexOf(NEWLINE);
  try {
    const head = JSON.parse(fromUtf8.decode(bytes.subarray(0, end))) as Head;
    if (head.v !== VERSION) throw new TypeError(`its version is ${String(head.v)}`);
    requireHead(head);
    const { v: _version, levels, ...record } = head;
    if (head.kind === "home") return record as LogRecord;
    const body = bytes.slice(end + 1);
    return { ...record, tree: PlainTree.ofBytes(pb, body, levels!, () => readTree(body)) } as LogRecord;
  } catch (cause) {
    throw new ClusterError("CLUSTER_BAD_RECORD", "A record of a log cannot be read", { cause });
  }
}

type Head = Record<string, unknown> & { readonly v?: unknown; readonly kind?: unknown; readonly levels?: number };

/** Throws `TypeError` for a record without what its kind has. */
function requireHead(head: Head): void {
  const numbers = ["epoch", "revision", ...(head.kind === "patch" ? ["since"] : [])];
  if (head.kind !== "home") numbers.push("levels");
  for (const name of numbers) if (!Number.isSafeInteger(head[name])) throw new TypeError(`its ${name} is not a number`);
  if (head.kind === "patch") return;
  if (head.kind !== "home" && head.kind !== "snapshot") throw new TypeError("its kind is unknown");
  if (typeof (head.home as Partial<Home> | undefined)?.node !== "string") throw new TypeError("it has no home");
  if (!Array.isArray(head.beginnings)) throw new TypeError("it has no beginnings");
}
