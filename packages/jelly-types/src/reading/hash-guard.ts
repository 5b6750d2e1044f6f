// Bounds the time that the keys of a peer can cost in a `Map` or a `Set`.

import type { Steps } from "@pb/banana";
import { JellyError } from "../errors.js";
import { isIndex } from "./sparse.js";

/** Containers of up to this size are not guarded: even if all of their keys collide, that costs little. */
const FREE_KEYS = 32;
/**
 * How many other keys a key may be compared with, on average. Random and regular keys (ranges, multiples, fractions,
 * timestamps) are compared with 1; powers of two, the worst regular keys known, with 2.6.
 */
const MEAN_COMPARISONS = 8;
/** Comparisons that are allowed in addition, for small containers. */
const FREE_COMPARISONS = 256;
/**
 * The same for bigints, of which V8 hashes only the lowest 64 bits: enough for 256 multiples of 2^64, such as IPv6
 * networks.
 */
const FREE_BIGINT_COMPARISONS = 32 * 1024;

/** Of smaller numbers, at most 128 can be in one bucket: so many for 128 keys, and fewer for more keys. */
const SMALL_IDS = 2 ** 14;

/**
 * The key for a number that a peer has chosen as an id, for a `Map` of which only this program sees the keys. A number
 * that is not small becomes text, because V8 hashes text with a secret seed: a peer could choose numbers that V8 finds
 * only by comparing them all. The digits alone would not do, because V8 treats them as a number.
 */
export function keyOfId(id: number | bigint): number | string {
  return typeof id === "number" && id >= 0 && id < SMALL_IDS ? id : `#${id}`;
}

const NO_BUCKETS = new Uint32Array(0);

/** Adds members to a set. Throws as {@link HashGuard.added} does. */
export function addMembers(set: Set<unknown>, members: readonly unknown[]): void {
  const guard = new HashGuard(set);
  for (const member of members) {
    set.add(member);
    guard.added(member);
  }
}

/** As {@link addMembers}, with a pause where `endsStep` returns true. */
export function* addMembersInSteps(
  set: Set<unknown>,
  members: readonly unknown[],
  endsStep: () => boolean,
): Steps<void> {
  const guard = new HashGuard(set);
  for (const member of members) {
    if (endsStep()) yield;
    set.add(member);
    guard.added(member);
  }
}

/**
 * Counts how many comparisons the keys of one `Map` or `Set` cost.
 *
 * V8 hashes numbers and bigints without a secret seed, and stores keys of the same bucket in a list. A peer can compute
 * thousands of keys for one bucket: 90,000 of them would take 14 seconds. There is no other hash table with the type
 * `Map`, so such keys are refused. The guard repeats what V8 does: it computes the same hash, uses the same number of
 * buckets, and counts the keys that V8 compares. Other engines have other hash functions, which it does not know.
 */
export class HashGuard {
  readonly #container: ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>;
  /** The hashes of the keys; undefined while the container is small. */
  #hashes: Int32Array | undefined;
  #size = 0;
  /** For each bucket, the number of its keys. */
  #buckets = NO_BUCKETS;
  #comparisons = 0;
  #allowed = FREE_COMPARISONS;

  constructor(container: ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>) {
    this.#container = container;
  }

  /**
   * Call after `key` was added to the container. Throws `JELLY_UNHASHABLE` when the keys collide too often.
   */
  added(key: unknown): void {
    const { size } = this.#container;
    if (size <= FREE_KEYS) return;
    if (this.#hashes === undefined) {
      this.#hashes = new Int32Array(2 * FREE_KEYS);
      this.#buckets = new Uint32Array(FREE_KEYS);
      for (const known of this.#container.keys()) this.#count(known, true);
    } else {
      this.#count(key, size > this.#size);
    }
    if (this.#comparisons > this.#allowed)
      throw new JellyError("JELLY_UNHASHABLE", `Most of ${size} keys have the same hash, which only an attacker sends`);
  }

  #count(key: unknown, isNew: boolean): void {
    const hash = hashOf(key);
    if (typeof key === "bigint" && this.#allowed < FREE_BIGINT_COMPARISONS) this.#allowed += FREE_BIGINT_COMPARISONS;
    this.#allowed += MEAN_COMPARISONS;
    if (hash !== NO_HASH) this.#comparisons += this.#buckets[hash & (this.#buckets.length - 1)]!;
    if (!isNew) return;
    if (this.#size === this.#hashes!.length) this.#grow();
    this.#hashes![this.#size++] = hash;
    if (hash !== NO_HASH) this.#buckets[hash & (this.#buckets.length - 1)]!++;
  }

  /** As V8 does, doubles the number of keys that fit, and with it the number of buckets, which is half of it. */
  #grow(): void {
    const hashes = new Int32Array(2 * this.#size);
    hashes.set(this.#hashes!);
    this.#hashes = hashes;
    this.#buckets = new Uint32Array(this.#size);
    for (let index = 0; index < this.#size; index++) {
      const hash = hashes[index]!;
      if (hash !== NO_HASH) this.#buckets[hash & (this.#size - 1)]!++;
    }
  }
}

/** The hash of a key that has a secret one. Hashes have 30 bits. */
const NO_HASH = -1;

const double = new DataView(new ArrayBuffer(8));

/** V8's hash of a key, if it can be computed without a secret. */
function hashOf(key: unknown): number {
  switch (typeof key) {
    case "number":
      if ((key | 0) === key) return hash32(key);
      double.setFloat64(0, key);
      return hash64(double.getUint32(0), double.getUint32(4));
    case "bigint": {
      const magnitude = BigInt.asUintN(64, key < 0n ? -key : key);
      return hash64(Number(magnitude >> 32n), Number(magnitude & 0xffffffffn));
    }
    case "string":
      return isIndex(key) && hasPlainIndexHash() ? Number(key) & 0xffffff : NO_HASH;
    default:
      return NO_HASH;
  }
}

/** `ComputeUnseededHash` of V8. */
function hash32(key: number): number {
  let hash = (~key + (key << 15)) | 0;
  hash ^= hash >>> 12;
  hash = Math.imul(hash, 5);
  hash ^= hash >>> 4;
  hash = Math.imul(hash, 2057);
  return (hash ^ (hash >>> 16)) & 0x3fffffff;
}

/** `ComputeLongHash` of V8, of two halves of 32 bits. */
function hash64(high: number, low: number): number {
  let product = low * 0x3ffff - 1; // At most 50 bits, so it is exact.
  high = (Math.imul(high, 0x3ffff) + Math.floor(product / 2 ** 32)) | 0;
  low = product | 0;
  low ^= (low >>> 31) | (high << 1);
  high ^= high >>> 31;
  product = (low >>> 0) * 21;
  high = (Math.imul(high, 21) + Math.floor(product / 2 ** 32)) | 0;
  low = product | 0;
  low ^= (low >>> 11) | (high << 21);
  high ^= high >>> 11;
  product = (low >>> 0) * 65;
  high = (Math.imul(high, 65) + Math.floor(product / 2 ** 32)) | 0;
  low = product | 0;
  return (low ^ ((low >>> 22) | (high << 10))) & 0x3fffffff;
}

let isPlain: boolean | undefined;

/**
 * Whether the engine hashes the text of an array index by its lowest 24 bits, without a seed. V8 did so until 2026
 * (CVE-2026-21717). Measured once, when such a text is used as a key: colliding keys take 100 times as long as others.
 */
function hasPlainIndexHash(): boolean {
  return (isPlain ??= fillMs(2 ** 16) > 8 * fillMs(1));
}

/** The milliseconds that a set of 1,024 indices with this distance takes: the fastest of three attempts. */
function fillMs(distance: number): number {
  let fastest = Infinity;
  for (let attempt = 0; attempt < 3; attempt++) {
    const indices = Array.from({ length: 1024 }, (_, index) => String(2 ** 30 + distance * index + attempt));
    const start = performance.now();
    const set = new Set(indices);
    if (set.size === indices.length) fastest = Math.min(fastest, performance.now() - start);
  }
  return fastest;
}
