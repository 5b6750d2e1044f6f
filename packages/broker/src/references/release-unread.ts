// What is given back of a message that could not be read: the peer has counted every reference in it, also those behind the fault.

import { readExpression } from "@pb/banana";
import type { BananaReader, Expression } from "@pb/banana";
import type { Incoming } from "./graph-context.js";
import type { Release } from "../wire/messages.js";

/** Deeper than this nothing is looked for. */
const DEPTH = 500;

/**
 * Gives back what arrived in `graphs` graphs in a row, the first of which begins at `start`: what was read (`incoming` knows), and what would
 * have been, had it been read. Where it is not certain that something is a reference, it is left to the end of the connection: a peer must
 * never be given back what it did not give.
 */
export function giveBack(reader: BananaReader, start: number, graphs: number, incoming: Incoming): void {
  const { channel } = incoming;
  const unread = new Map<string, number>();
  const count = (command: Release, id: number, by: number): void => {
    const key = `${command} ${id}`;
    unread.set(key, (unread.get(key) ?? 0) + by);
  };
  reader.rewind(start);
  for (let graph = 0; graph < graphs; graph++) {
    search(readExpression(reader), 0, (command, id) => {
      // A cache that is not here would be said to be forgotten, and we would not know what is meant.
      if (command === "decref" || channel.held.caches.has(id)) count(command, id, 1);
    });
  }
  // What came in full was not found by its number.
  for (const { command, id, isFull } of incoming.giveBack()) if (!isFull) count(command, id, -1);
  for (const [key, times] of unread) {
    const [command, id] = key.split(" ") as [Release, string];
    if (times > 0) channel.held.decline(command, Number(id), times);
  }
}

const latin1 = new TextDecoder("latin1");

/** Looks where a graph may stand, and nowhere else: a pair of a dictionary, `("remote" 5)`, is no reference. */
function search(expression: Expression, depth: number, found: (command: Release, id: number) => void): void {
  if (depth > DEPTH || !Array.isArray(expression)) return;
  const [head, ...items] = expression;
  if (!(head instanceof Uint8Array)) return;
  const searchAll = (parts: readonly Expression[]): void => {
    for (const part of parts) search(part, depth + 1, found);
  };
  const atom = latin1.decode(head);
  switch (atom) {
    case "remote":
      if (items.length === 1 && isNumber(items[0])) found("decref", items[0]);
      break;
    case "cached":
      if (items.length === 1 && isNumber(items[0])) found("decache", items[0]);
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
      // A copy or a cache, with its state.
      if (atom.includes(".")) searchAll(items);
  }
}

function isNumber(id: Expression | undefined): id is number {
  return Number.isInteger(id);
}
