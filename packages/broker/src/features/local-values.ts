// The values of calls within a process: they are refused and change as on the wire, but are not copied without need.

import { BananaWriter, pb } from "@pb/banana";
import { DateTime, Float, FrozenSet, Jellier, JellyError, TypeRegistry } from "@pb/jelly-types";
import type { Perspective } from "../calls/callable.js";
import { Cacheable, RemoteCache } from "../flavors/cacheable.js";
import { Copyable, RemoteCopy } from "../flavors/copyable.js";
import { Avatar, Viewable } from "../flavors/perspective.js";
import { promiseHandler } from "../flavors/promise.js";
import { Referenceable } from "../flavors/referenceable.js";
import { RemoteReference } from "../flavors/remote-reference.js";
import { Batch } from "../flavors/stream-items.js";
import { isStream } from "../flavors/stream-source.js";
import type { Stream } from "../flavors/stream-source.js";
import { requireMessageSize } from "../limits.js";
import { countPositional, keywordsOf, writeArguments } from "../wire/arguments.js";
import { mapGraph, someObject } from "../wire/graph.js";
import type { Replacement } from "../wire/graph.js";
import { Kwargs } from "../wire/kwargs.js";
import { ignorePromises, resolvePromises } from "../wire/promised-results.js";

/** Returns what an object becomes at the other end: a reference for an object, the object for a reference. */
export type Exchange = (object: object) => object | undefined;

export interface LocalArguments {
  readonly args: unknown[];
  readonly kwargs: Kwargs | undefined;
}

/** For whom values are written, and the largest message in bytes. */
export interface LocalWriting {
  readonly perspective: Perspective;
  readonly messageBytes: number;
}

/**
 * The arguments as a method receives them. Throws {@link JellyError} for what cannot be sent, and `LimitError` for too
 * much.
 */
export function localArguments(args: readonly unknown[], writing: LocalWriting, exchange: Exchange): LocalArguments {
  checkArguments(args, writing);
  const keywords = keywordsOf(args);
  const positional = arrival(args.slice(0, countPositional(args, keywords)), exchange) as unknown[];
  return { args: positional, kwargs: arrivedKeywords(keywords, exchange) };
}

/** Throws {@link JellyError} for arguments that cannot be sent, and `LimitError` for too much. */
export function checkArguments(args: readonly unknown[], writing: LocalWriting): void {
  check(writing, types, (jellier) => writeArguments(jellier, args, undefined));
}

function arrivedKeywords(keywords: Kwargs | undefined, exchange: Exchange): Kwargs | undefined {
  if (keywords === undefined || Object.keys(keywords).length === 0) return undefined;
  return Kwargs.from(arrival(Object.fromEntries(Object.entries(keywords)), exchange) as Record<string, unknown>);
}

/**
 * Waits for the promises in a result that contains some. Throws as {@link localArguments} does, before any of them is
 * fulfilled.
 */
export async function resolveResult(value: unknown, writing: LocalWriting): Promise<unknown> {
  try {
    checkResult(value, writing, typesWithPromises);
  } catch (error) {
    ignorePromises(value);
    throw error;
  }
  return resolvePromises(value);
}

/** The items of a stream as the caller receives them: those before one that is refused. */
export function localItems(batch: Batch, writing: LocalWriting, exchange: Exchange): unknown[] {
  const arrived: unknown[] = [];
  try {
    batch.write((item) => arrived.push(localResult(item, writing, exchange)));
  } catch (error) {
    if (Batch.before(batch, error) === undefined) throw error;
  }
  return arrived;
}

/** A result as the caller receives it. Throws as {@link localArguments} does. */
export function localResult(value: unknown, writing: LocalWriting, exchange: Exchange): unknown {
  checkResult(value, writing, types);
  return arrival(value, exchange);
}

function checkResult(value: unknown, writing: LocalWriting, registry: TypeRegistry): void {
  check(writing, registry, (jellier) => jellier.writeGraph(value));
}

const types = new TypeRegistry().register(promiseHandler).seal();

const typesWithPromises = new TypeRegistry()
  .register({ ...promiseHandler, jelly: (_promise, jellier) => jellier.write(null) })
  .seal();

/** Writes values to find out whether they can be sent. Instances of the classes of the program are not looked into. */
function check(
  { perspective, messageBytes }: LocalWriting,
  registry: TypeRegistry,
  write: (jellier: Jellier) => void,
): void {
  const writer = new BananaWriter({ dialect: pb });
  write(new Jellier(writer, { registry, persistentStore: (instance) => standIn(instance, perspective) }));
  requireMessageSize(writer.position, messageBytes);
}

/** Stands for an instance that can be sent. Undefined for one that is refused. */
function standIn(instance: object, perspective: Perspective): number | undefined {
  if (instance instanceof Viewable && perspective === null)
    throw new JellyError("JELLY_NOT_JELLYABLE", "A Viewable can be sent only to a peer that has logged in");
  if (instance instanceof RemoteReference)
    throw new JellyError("JELLY_NOT_JELLYABLE", "A reference can be sent only to the peer it came from");
  if (instance instanceof RemoteCache)
    throw new JellyError("JELLY_NOT_JELLYABLE", "A cache can be sent only to the peer it came from");
  if (flavors.some((flavor) => instance instanceof flavor) || isStream(instance)) return 0;
  return isOfPlatform(instance) || isOfThisPackage(instance) ? undefined : 0;
}

/** Whether an object becomes a reference to its source. */
export function isSentAsStream(object: object): object is Stream {
  return isStream(object) && !flavors.some((flavor) => object instanceof flavor);
}

/** Ways to call, which cannot be sent. */
function isOfThisPackage(instance: object): boolean {
  const tag: unknown = Reflect.get(instance, Symbol.toStringTag);
  return tag === "RemoteCaller" || tag === "RemoteCalls" || tag === "CacheObserver" || tag === "LoopbackReference";
}

const flavors = [Referenceable, Avatar, Viewable, Copyable, RemoteCopy, Cacheable];

/** Whether an object is of a class of the platform, or is an iterator or a stream. None of them can be sent. */
function isOfPlatform(object: object): boolean {
  const { constructor: type } = object as { constructor?: unknown };
  const owners = [globalThis, Intl] as unknown as Readonly<Record<string, unknown>>[];
  if (typeof type === "function" && owners.some((owner) => owner[type.name] === type)) return true;
  return iteratorsAndStreams.some((members) => members.every((key) => key in object));
}

/** The members that tell iterators and streams. One alone, such as `next`, may be a method of a copy. */
const iteratorsAndStreams: readonly (readonly (string | symbol)[])[] = [
  [Symbol.iterator, "next"],
  ["getWriter", "locked"],
  ["on", "pipe"],
];

/** What arrives. The same value, if nothing in it changes. */
function arrival(value: unknown, exchange: Exchange): unknown {
  if (!someObject(value, (object) => exchange(object) !== undefined || changes(object))) return primitive(value);
  return mapGraph(value, (object, map) => replacement(object, map, exchange), primitive);
}

/** A container counts as changed if a member that is no object changes. */
function changes(object: object): boolean {
  if (object instanceof Map) return hasTextKeys(object) || [...object].flat().some(isChanged);
  if (Array.isArray(object) || object instanceof Set || object instanceof FrozenSet)
    return Array.from(object as Iterable<unknown>).some(isChanged);
  const prototype = Object.getPrototypeOf(object) as object | null;
  if (prototype === null || prototype === Object.prototype)
    return Object.values(object).some(isChanged) || Object.getOwnPropertySymbols(object).length > 0;
  return (
    object instanceof Date || object instanceof ArrayBuffer || object instanceof Float || isBytesOfSubclass(object)
  );
}

function isChanged(value: unknown): boolean {
  return value === undefined || (typeof value === "bigint" && typeof primitive(value) === "number");
}

function primitive(value: unknown): unknown {
  if (value === undefined) return null;
  return typeof value === "bigint" && Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function replacement(object: object, map: (value: unknown) => unknown, exchange: Exchange): Replacement | undefined {
  const exchanged = exchange(object);
  if (exchanged !== undefined) return { value: exchanged };
  if (object instanceof Date) return { value: DateTime.fromDate(object) };
  if (object instanceof Float) return { value: object.value };
  if (object instanceof ArrayBuffer) return { value: new Uint8Array(object) };
  if (isBytesOfSubclass(object)) return { value: new Uint8Array(object.buffer, object.byteOffset, object.length) };
  if (!(object instanceof Map && hasTextKeys(object))) return undefined;
  const record = Object.create(null) as Record<string, unknown>;
  const fill = (): void => {
    for (const [key, item] of object as Map<string, unknown>) record[key] = map(item);
  };
  return { value: record, fill };
}

/** An empty dict arrives as an object, whatever it was. */
function hasTextKeys(map: ReadonlyMap<unknown, unknown>): boolean {
  return [...map.keys()].every((key) => typeof key === "string");
}

/** Such as Node's `Buffer`. */
function isBytesOfSubclass(object: object): object is Uint8Array {
  return object instanceof Uint8Array && Object.getPrototypeOf(object) !== Uint8Array.prototype;
}
