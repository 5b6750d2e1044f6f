// Finds the caches that the state of another cache contains.

import type { Steps } from "@pb/banana";
import { FrozenSet } from "@pb/jelly-types";
import type { IncomingGraph } from "./graph-context.js";

/** Notes the caches that arrived in a graph since `start` as mentions of `cache`. */
export function mentionArrivals(cache: object, { arrivals, context }: IncomingGraph, start = 0): void {
  for (let index = start; index < arrivals.length; index++) {
    const { command, proxy } = arrivals[index]!;
    if (command === "decache") context.imports.caches.mention(cache, proxy);
  }
}

/**
 * Notes the caches in a received state as mentions of `cache`: also those that the graph contains elsewhere, and the
 * cache itself. Runs no code of the program. Pauses where `endsStep` returns true.
 */
export function* mentionContents(
  cache: object,
  state: unknown,
  { context }: IncomingGraph,
  endsStep: () => boolean,
): Steps<void> {
  const { caches } = context.imports;
  const seen = new Set<object>();
  const left: unknown[] = [state];
  while (left.length > 0) {
    if (endsStep()) yield;
    const value = left.pop();
    if (typeof value !== "object" || value === null || seen.has(value)) continue;
    seen.add(value);
    if (caches.isHandle(value)) caches.mention(cache, value);
    else for (const part of partsOf(value)) if (typeof part === "object" && part !== null) left.push(part);
  }
}

/** What an array, a dict, a set or an instance contains. */
export function partsOf(value: object): Iterable<unknown> {
  if (Array.isArray(value)) return value as unknown[];
  if (value instanceof Map) return [...value.keys(), ...value.values()] as unknown[];
  if (value instanceof Set || value instanceof FrozenSet) return value as Iterable<unknown>;
  if (ArrayBuffer.isView(value)) return [];
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return Object.values(value) as unknown[];
  return Object.values(Object.getOwnPropertyDescriptors(value)).map((property): unknown => property.value);
}
