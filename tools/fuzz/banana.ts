/**
 * Mutates valid Banana. For every input the codec must return a value or throw a BananaError, independently of how the
 * bytes are cut into chunks, in bounded memory and time.
 */

import fc from "fast-check";
import { isDeepStrictEqual } from "node:util";
import { createContext, runInContext } from "node:vm";
import type * as Package from "@pb/banana";
import { bundle } from "../bench/bundle.js";
import { scriptOf } from "../complexity/block-counter.js";
import { hex, readVectors } from "../../packages/banana/test/helpers/tagged.js";
import { fuzz } from "./fuzz.js";
import type { Fuzzer } from "./fuzz.js";

/** The package, in a realm of its own, with a function that copies bytes into that realm. */
interface Realm {
  readonly banana: typeof Package;
  readonly own: (bytes: Uint8Array) => Uint8Array;
  readonly counter: { bytes: number };
}

/** Bytes that `decode` may allocate per byte of input: two buffers, and eight bytes for each element of one byte. */
const ALLOCATED_PER_BYTE = 16;
/** For the scanner's first buffer. */
const ALLOCATED_ONCE = 16 * 1024;

const readerMethods = ["kind", "list", "integer", "float", "exactFloat", "bytes", "word", "text", "skip"] as const;

const vectors = ["banana-malformed", "banana-negotiation", "banana"]
  .flatMap((name) => readVectors<{ hex?: string; received?: string[] }>(`${name}.json`))
  .flatMap((row) => [row.hex ?? "", ...(row.received ?? [])])
  .filter((text) => text !== "" && text.length < 40_000);
const vector = fc.constantFrom(...vectors.map(hex));
const inserted = fc.oneof(
  fc.uint8Array({ maxLength: 3 }),
  fc.integer({ min: 0x80, max: 0x88 }).map((type) => Uint8Array.of(type)),
  fc.array(fc.nat({ max: 127 }), { maxLength: 70 }).map((digits) => Uint8Array.from(digits)),
  vector.map((bytes) => bytes.subarray(0, 500)),
);
/** Replaces some bytes by others, also none by some and some by none. */
const edit = fc.record({ at: fc.nat(), removed: fc.nat({ max: 8 }), inserted });
const edits = fc.oneof(...[1, 2, 6].map((maxLength) => fc.array(edit, { minLength: 1, maxLength })));
const bytes = fc.tuple(vector, edits, fc.boolean()).map(([start, applied, isInList]) => {
  const edited = applied.reduce((all, { at, removed, inserted: added }) => {
    const index = at % (all.length + 1);
    return Buffer.concat([all.subarray(0, index), added, all.subarray(index + removed)]);
  }, Buffer.from(start));
  return Uint8Array.from([...(isInList ? [1, 0x80] : []), ...edited.subarray(0, 10_000)]);
});
const upTo = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max });
const limits = fc.record({
  prefixBytes: upTo(64),
  integerDigits: upTo(64),
  stringBytes: upTo(300),
  listLength: upTo(300),
  depth: upTo(10),
  expressionBytes: upTo(500),
});
const chunkSizes = fc.oneof(...[1, 3, 50, 3000].map((max) => fc.array(upTo(max), { minLength: 1 })));
/** Bytes with options for the codec, ways to cut them, and calls of a reader. */
const inputs = fc.record({
  bytes,
  dialect: fc.constantFrom("pb", "none"),
  limits: fc.option(limits, { nil: undefined, freq: 1 }),
  chunkSizes,
  pass: fc.constantFrom("push", "lend"),
  role: fc.constantFrom("listener", "initiator"),
  calls: fc.array(fc.constantFrom(...readerMethods, "begins", "integers"), { minLength: 1, maxLength: 20 }),
});
type Input = typeof inputs extends fc.Arbitrary<infer Value> ? Value : never;

export const fuzzBanana: Fuzzer = async (options) => {
  const realm = await loadRealm();
  // An input takes microseconds.
  return await fuzz(inputs, (input) => check(realm, input), { ...options, hangMs: 2000 });
};

/** Loads the published code in a realm whose arrays count the memory they allocate. */
async function loadRealm(): Promise<Realm> {
  const counter = { bytes: 0 };
  const script = scriptOf(await bundle(new URL("../../packages/banana/src/index.ts", import.meta.url)));
  const counting = `
    for (const name of ["Array", "Uint8Array", "Int32Array"]) {
      globalThis[name] = new Proxy(globalThis[name], {
        construct(target, args, newTarget) {
          if (typeof args[0] === "number") counter.bytes += args[0] * (target.BYTES_PER_ELEMENT ?? 8);
          return Reflect.construct(target, args, newTarget === globalThis[name] ? target : newTarget);
        },
      });
    }
    const { slice } = Uint8Array.prototype;
    Uint8Array.prototype.slice = function (...range) {
      const copy = slice.apply(this, range);
      counter.bytes += copy.length;
      return copy;
    };`;
  const context = createContext({ TextEncoder, TextDecoder, TransformStream, counter });
  const text = `${counting} ({ banana: ${script.replace(/;$/, "")}, own: (bytes) => Uint8Array.from(bytes), counter })`;
  return runInContext(text, context) as Realm;
}

/** Returns "a value" or the code of the error; throws when the codec handled the input wrongly. */
function check({ banana, own, counter }: Realm, input: Input): string {
  const { bytes, dialect, limits } = input;

  const owned = own(bytes);
  counter.bytes = 0;
  const whole = outcomeOf(banana, () => banana.decode(owned, { dialect, limits }));
  if (counter.bytes > ALLOCATED_PER_BYTE * bytes.length + ALLOCATED_ONCE)
    throw new Error(`decode allocated ${counter.bytes} bytes for ${bytes.length}`);

  const scanned = scan(banana, [owned], input, "lend");
  const chunks = cut(bytes, input.chunkSizes).map(own);
  if (!isDeepStrictEqual(scanned, scan(banana, chunks, input, input.pass)))
    throw new Error("The result depends on the chunks");
  if (whole.error === undefined && !isDeepStrictEqual([whole.value], scanned.delivered))
    throw new Error("decode and Scanner return different values");

  for (const value of scanned.delivered) {
    const canonical = banana.encode(value, { dialect });
    const again = banana.decode(canonical, { dialect });
    if (!isDeepStrictEqual(again, value)) throw new Error("A decoded value changes when it is encoded and decoded");
    if (Buffer.compare(canonical, banana.encode(again, { dialect })) !== 0)
      throw new Error("The canonical bytes change when they are decoded and encoded");
  }
  if (bytes.length > 0 && banana.inspect(own(bytes), { dialect }) === "") throw new Error("inspect shows nothing");
  banana.inspect(own(bytes));
  outcomeOf(banana, () => {
    const session = new banana.Session({ role: input.role, send: () => undefined });
    session.start();
    session.push(bytes);
    while (session.next() !== undefined);
  });
  callReader(banana, input);
  return whole.error?.code ?? "a value";
}

/** Returns the value, or a BananaError. Throws every other error. */
function outcomeOf<Value>(banana: typeof Package, work: () => Value): { value?: Value; error?: Package.BananaError } {
  try {
    return { value: work() };
  } catch (error) {
    if (error instanceof banana.BananaError) return { error };
    throw error;
  }
}

/** Reads whole trees from pushed chunks, or the same trees value by value from lent chunks. */
function scan(banana: typeof Package, chunks: readonly Uint8Array[], { dialect, limits }: Input, pass: Input["pass"]) {
  const scanner = new banana.Scanner({ dialect, limits });
  const reader = new banana.BananaReader();
  const delivered: Package.Expression[] = [];
  const { error } = outcomeOf(banana, () => {
    for (const chunk of chunks) {
      scanner[pass](chunk);
      if (pass === "push")
        for (let next = scanner.next(); next !== undefined; next = scanner.next()) delivered.push(next);
      else while (scanner.advance(reader)) delivered.push(banana.readExpression(reader));
      chunk.fill(0xff); // the scanner must not use it any more
    }
  });
  return { delivered, error: error && `${error.code} at ${String(error.offset)}` };
}

function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; start += chunks.at(-1)!.length)
    chunks.push(bytes.subarray(start, start + sizes[chunks.length % sizes.length]!));
  return chunks;
}

/** Calls a reader's methods in any order, on bytes that no scanner has checked. */
function callReader(banana: typeof Package, { bytes, calls }: Input): void {
  const reader = new banana.BananaReader().reset(bytes, 0, bytes.length, banana.pb, 0);
  const head = new banana.ListHead(2, "unicode");
  for (const method of calls) {
    if (reader.offset >= bytes.length) return;
    if (method === "begins") reader.begins(head);
    else if (method === "integers") reader.integers(new Array(10), 0);
    else outcomeOf(banana, () => reader[method]());
  }
}
