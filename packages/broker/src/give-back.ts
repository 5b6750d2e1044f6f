// What is given back of a message that could not be read: the peer has counted every reference in it, also those behind the fault.

import type { BananaReader, ExpressionReader } from "@pb/banana";
import type { Incoming } from "./channel.js";

/** Deeper than this nothing is looked for. */
const DEPTH = 500;

/**
 * Gives back what arrived in `graphs` graphs in a row, the first of which begins at `start`: what was read (`incoming` knows), and what would
 * have been, had it been read. Where it is not certain that something is a reference, it is left to the end of the connection: a peer must
 * never be given back what it did not give.
 */
export function giveBack(reader: BananaReader, start: number, graphs: number, incoming: Incoming): void {
  const { cachesHeld } = incoming.channel;
  const unread = new Map<string, number>();
  const count = (command: Release, id: number, by: number): void => {
    const key = `${command} ${id}`;
    unread.set(key, (unread.get(key) ?? 0) + by);
  };
  reader.rewind(start);
  try {
    for (let graph = 0; graph < graphs; graph++) {
      search(reader, 0, (command, id) => {
        // One that is not here would be said to be forgotten, and we would not know what is meant.
        if (command === "decref" || cachesHeld.has(id)) count(command, id, 1);
      });
    }
  } catch {
    // Not even well-formed: what was found so far will do.
  }
  for (const { command, id } of incoming.giveBack()) count(command, id, -1);
  for (const [key, times] of unread) {
    const [command, id] = key.split(" ") as [Release, string];
    if (times > 0) incoming.channel.decline(command, Number(id), times);
  }
}

type Release = "decref" | "decache";

/** Looks where a graph may stand, and nowhere else: a pair of a dictionary, `("remote" 5)`, is no reference. */
function search(reader: ExpressionReader, depth: number, found: (command: Release, id: number) => void): void {
  if (depth > DEPTH || reader.kind() !== "list") {
    reader.skip();
    return;
  }
  let items = reader.list();
  const next = (): void => {
    items--;
    search(reader, depth + 1, found);
  };
  if (items > 0 && reader.kind() === "bytes") {
    items--;
    const atom = reader.word();
    switch (atom) {
      case "remote":
      case "cached":
        if (items === 1 && reader.kind() === "integer") {
          items--;
          const id = reader.integer();
          if (typeof id === "number") found(atom === "remote" ? "decref" : "decache", id);
        }
        break;
      case "dictionary":
        for (; items > 0; items--) searchPair(reader, depth + 1, found);
        break;
      case "reference":
        if (items === 2) {
          items--;
          reader.skip();
          next();
        }
        break;
      case "list":
      case "tuple":
      case "set":
      case "frozenset":
        while (items > 0) next();
        break;
      default:
        // A copy or a cache, with its state.
        if (atom.includes(".")) while (items > 0) next();
    }
  }
  for (; items > 0; items--) reader.skip();
}

function searchPair(reader: ExpressionReader, depth: number, found: (command: Release, id: number) => void): void {
  if (reader.kind() !== "list") {
    reader.skip();
    return;
  }
  const items = reader.list();
  for (let index = 0; index < items; index++) {
    if (items === 2) search(reader, depth, found);
    else reader.skip();
  }
}
