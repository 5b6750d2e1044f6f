// Releases the references in a message that could not be read: the peer has counted all of them, including those behind
// the fault.

import { runSteps, STEP_BYTES } from "@pb/banana";
import type { BananaReader, Steps } from "@pb/banana";
import type { ReleaseCommand } from "../wire/messages.js";
import type { IncomingGraph } from "./graph-context.js";

/** Expressions that are nested more deeply are not searched. */
const MAX_DEPTH = 500;

/** A step ends after so many releases, each of which takes about a microsecond. */
const STEP_RELEASES = 1024;

type Found = (command: ReleaseCommand, id: number) => void;

/**
 * Releases what arrived in `graphs` consecutive graphs, the first of which begins at the offset `start`: what was read,
 * which `incoming` knows, and what has not been read. An expression that may not be a reference is left out and stays
 * counted until the connection ends: releasing a reference that the peer has not counted would be a protocol error.
 * The memory does not depend on how much has not been read.
 */
export function releaseUnread(reader: BananaReader, start: number, graphs: number, incoming: IncomingGraph): void {
  runSteps(releaseUnreadInSteps(reader, start, graphs, incoming));
}

/** As {@link releaseUnread}, with pauses. */
export function* releaseUnreadInSteps(
  reader: BananaReader,
  start: number,
  graphs: number,
  incoming: IncomingGraph,
): Steps<void> {
  const { imports } = incoming.context;
  /** How often each reference was read. The search did not find a cache that arrived with its state. */
  const read = new Map<string, number>();
  let actions = 0;
  for (const { command, id, isFull } of incoming.arrivals) {
    if (++actions % STEP_RELEASES === 0) yield;
    const key = `${command} ${id}`;
    if (!isFull) read.set(key, (read.get(key) ?? 0) + 1);
  }
  reader.rewind(start);
  yield* search(reader, graphs, (command, id) => {
    // The release of an unknown cache would make the peer send an `uncache` for it, which this end could not
    // understand.
    if (command === "decache" && !imports.caches.has(id)) return;
    const times = read.get(`${command} ${id}`) ?? 0;
    if (times > 0) read.set(`${command} ${id}`, times - 1);
    else imports.releaseUnread(command, id, 1);
  });
  for (const { command, proxy } of incoming.arrivals) {
    if (++actions % STEP_RELEASES === 0) yield;
    imports.releaseOne(command, proxy);
  }
}

/** Lists that begin with these words, or with the name of a class, contain graphs. */
const CONTAINERS: ReadonlySet<string> = new Set(["list", "tuple", "set", "frozenset"]);

const latin1 = new TextDecoder("latin1");

/** The elements of a list that are left: their number and their kind. A `reference` has an id and a graph. */
interface Part {
  readonly of: "graphs" | "entries" | "reference" | "surplus";
  left: number;
  readonly depth: number;
}

/**
 * Reads so many graphs, element by element: a tree would take much more memory. Searches only where a graph can stand:
 * an entry of a dictionary, `("remote" 5)`, is not a reference.
 */
function* search(reader: BananaReader, graphs: number, found: Found): Steps<void> {
  const open: Part[] = [{ of: "graphs", left: graphs, depth: 0 }];
  let pause = reader.offset + STEP_BYTES;
  for (let part = open.at(-1); part !== undefined; part = open.at(-1)) {
    if (part.left-- === 0) {
      open.pop();
      continue;
    }
    if (reader.offset >= pause) {
      yield;
      pause = reader.offset + STEP_BYTES;
    }
    const isId = part.of === "reference" && part.left === 1;
    if (part.of === "surplus" || isId || part.depth > MAX_DEPTH || reader.kind() !== "list") {
      if (reader.isLong()) yield* reader.skipInSteps();
      else reader.skip();
    } else {
      open.push(part.of === "entries" ? openEntry(reader, part.depth) : openGraph(reader, part.depth, found));
    }
  }
}

/** Reads the beginning of a list that may be a graph. Returns the rest of it. */
function openGraph(reader: BananaReader, depth: number, found: Found): Part {
  const items = reader.list() - 1;
  if (items < 0 || reader.kind() !== "bytes") return { of: "surplus", left: items + 1, depth };
  const atom = latin1.decode(reader.bytes());
  if ((atom === "remote" || atom === "cached") && items === 1 && reader.kind() === "integer") {
    const id = reader.integer();
    if (typeof id === "number") found(atom === "remote" ? "decref" : "decache", id);
    return { of: "surplus", left: 0, depth };
  }
  if (atom === "dictionary") return { of: "entries", left: items, depth };
  if (atom === "reference" && items === 2) return { of: "reference", left: 2, depth: depth + 1 };
  const isContainer = CONTAINERS.has(atom) || atom.includes(".");
  return { of: isContainer ? "graphs" : "surplus", left: items, depth: depth + 1 };
}

function openEntry(reader: BananaReader, depth: number): Part {
  const parts = reader.list();
  return { of: parts === 2 ? "graphs" : "surplus", left: parts, depth: depth + 1 };
}
