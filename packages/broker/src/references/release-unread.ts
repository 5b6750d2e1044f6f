// Releases the references in a message that could not be read: the peer has counted all of them, including those behind
// the fault.

import type { BananaReader } from "@pb/banana";
import type { ReleaseCommand } from "../wire/messages.js";
import type { IncomingGraph } from "./graph-context.js";

/** Expressions that are nested more deeply are not searched. */
const MAX_DEPTH = 500;

type Found = (command: ReleaseCommand, id: number) => void;

/**
 * Releases what arrived in `graphs` consecutive graphs, the first of which begins at the offset `start`: what was read,
 * which `incoming` knows, and what has not been read. An expression that may not be a reference is left out and stays
 * counted until the connection ends: releasing a reference that the peer has not counted would be a protocol error.
 * The memory does not depend on how much has not been read.
 */
export function releaseUnread(reader: BananaReader, start: number, graphs: number, incoming: IncomingGraph): void {
  const { imports } = incoming.context;
  /** How often each reference was read. The search did not find a cache that arrived with its state. */
  const read = new Map<string, number>();
  for (const { command, id, isFull } of incoming.arrivals) {
    const key = `${command} ${id}`;
    if (!isFull) read.set(key, (read.get(key) ?? 0) + 1);
  }
  reader.rewind(start);
  for (let graph = 0; graph < graphs; graph++) {
    search(reader, 0, (command, id) => {
      // The release of an unknown cache would make the peer send an `uncache` for it, which this end could not
      // understand.
      if (command === "decache" && !imports.caches.has(id)) return;
      const times = read.get(`${command} ${id}`) ?? 0;
      if (times > 0) read.set(`${command} ${id}`, times - 1);
      else imports.releaseUnread(command, id, 1);
    });
  }
  incoming.rollback();
}

/** Lists that begin with these words, or with the name of a class, contain graphs. */
const CONTAINERS: ReadonlySet<string> = new Set(["list", "tuple", "set", "frozenset"]);

const latin1 = new TextDecoder("latin1");

/**
 * Reads one expression, element by element: a tree would take much more memory. Searches only where a graph can stand:
 * an entry of a dictionary, `("remote" 5)`, is not a reference.
 */
function search(reader: BananaReader, depth: number, found: Found): void {
  if (depth > MAX_DEPTH || reader.kind() !== "list") {
    reader.skip();
    return;
  }
  const items = reader.list() - 1;
  if (items < 0) return;
  if (reader.kind() !== "bytes") {
    skip(reader, items + 1);
    return;
  }
  const atom = latin1.decode(reader.bytes());
  if ((atom === "remote" || atom === "cached") && items === 1 && reader.kind() === "integer") {
    const id = reader.integer();
    if (typeof id === "number") found(atom === "remote" ? "decref" : "decache", id);
  } else if (atom === "dictionary") {
    for (let left = items; left > 0; left--) searchEntry(reader, depth, found);
  } else if (atom === "reference" && items === 2) {
    reader.skip(); // its id
    search(reader, depth + 1, found);
  } else if (CONTAINERS.has(atom) || atom.includes(".")) {
    for (let left = items; left > 0; left--) search(reader, depth + 1, found);
  } else {
    skip(reader, items);
  }
}

function searchEntry(reader: BananaReader, depth: number, found: Found): void {
  if (reader.kind() !== "list") {
    reader.skip();
    return;
  }
  const parts = reader.list();
  for (let left = parts; left > 0; left--) {
    if (parts === 2) search(reader, depth + 1, found);
    else reader.skip();
  }
}

function skip(reader: BananaReader, elements: number): void {
  for (let left = elements; left > 0; left--) reader.skip();
}
