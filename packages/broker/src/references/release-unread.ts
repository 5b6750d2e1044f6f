// Releases the references in a message that could not be read: the peer has counted all of them, including those behind
// the fault.

import { readExpression } from "@pb/banana";
import type { BananaReader, Expression } from "@pb/banana";
import type { ReleaseCommand } from "../wire/messages.js";
import type { IncomingGraph } from "./graph-context.js";

/** Expressions that are nested more deeply are not searched. */
const MAX_DEPTH = 500;

/**
 * Releases what arrived in `graphs` consecutive graphs, the first of which begins at the offset `start`: what was read,
 * which `incoming` knows, and what has not been read. An expression that may not be a reference is left out and stays
 * counted until the connection ends: releasing a reference that the peer has not counted would be a protocol error.
 */
export function releaseUnread(reader: BananaReader, start: number, graphs: number, incoming: IncomingGraph): void {
  const { imports } = incoming.context;
  const unread = new Map<string, number>();
  const count = (command: ReleaseCommand, id: number, by: number): void => {
    const key = `${command} ${id}`;
    unread.set(key, (unread.get(key) ?? 0) + by);
  };
  reader.rewind(start);
  for (let graph = 0; graph < graphs; graph++) {
    search(readExpression(reader), 0, (command, id) => {
      // The release of an unknown cache would make the peer send an `uncache` for it, which this end could not
      // understand.
      if (command === "decref" || imports.caches.has(id)) count(command, id, 1);
    });
  }
  // The search did not find a cache that arrived with its state.
  for (const { command, id, isFull } of incoming.rollback()) if (!isFull) count(command, id, -1);
  for (const [key, times] of unread) {
    const [command, id] = key.split(" ") as [ReleaseCommand, string];
    if (times > 0) imports.releaseUnread(command, Number(id), times);
  }
}

const latin1 = new TextDecoder("latin1");

/** Searches only where a graph can stand: an entry of a dictionary, `("remote" 5)`, is not a reference. */
function search(expression: Expression, depth: number, found: (command: ReleaseCommand, id: number) => void): void {
  if (depth > MAX_DEPTH || !Array.isArray(expression)) return;
  const [head, ...items] = expression;
  if (!(head instanceof Uint8Array)) return;
  const searchAll = (parts: readonly Expression[]): void => {
    for (const part of parts) search(part, depth + 1, found);
  };
  const atom = latin1.decode(head);
  switch (atom) {
    case "remote":
      if (items.length === 1 && isInteger(items[0])) found("decref", items[0]);
      break;
    case "cached":
      if (items.length === 1 && isInteger(items[0])) found("decache", items[0]);
      break;
    case "dictionary":
      for (const pair of items) if (Array.isArray(pair) && pair.length === 2) searchAll(pair);
      break;
    case "reference":
      if (items.length === 2) searchAll(items.slice(1));
      break;
    case "list":
    case "tuple":
    case "set":
    case "frozenset":
      searchAll(items);
      break;
    default:
      // A copy or a cache: its state follows.
      if (atom.includes(".")) searchAll(items);
  }
}

function isInteger(id: Expression | undefined): id is number {
  return Number.isInteger(id);
}
