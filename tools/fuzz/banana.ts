// Mutated Banana: whatever arrives, the codec gives back a value or a BananaError, the same however it was cut, and takes little memory.

import { readdirSync, readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { createContext, runInContext } from "node:vm";
import type * as Package from "@pb/banana";
import { bundle } from "../bench/bundle.js";
import { Random } from "./random.js";

/** The package, and a way to make bytes of its realm: those of another are always copied. */
type Banana = typeof Package & { own: (bytes: Uint8Array) => Uint8Array };
type Limits = Package.BananaLimits;

const vectors = new URL("../../packages/banana/test/vectors/", import.meta.url);

/** More than this for one input is called a hang. A run takes microseconds. */
const HANG_MS = 2000;
/** Bytes taken may be this many a byte of input: two buffers, and eight for each element of one byte … */
const BYTES_PER_BYTE = 16;
/** … and a scanner's first buffer. */
const BYTES_AT_ONCE = 16 * 1024;

export async function fuzzBanana({ runs, seed }: { runs: number; seed: number }): Promise<Record<string, number>> {
  const counter = { bytes: 0 };
  const banana = await load(counter);
  const random = new Random(seed);
  const corpus = readCorpus();
  const outcomes: Record<string, number> = {};
  for (let run = 0; run < runs; run++) {
    const input = mutate(random, corpus);
    const start = performance.now();
    try {
      const outcome = check(banana, counter, random, input);
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      // What is still good after a change is worth changing further; what is bad would only stay so.
      if (outcome === "a value" && input.length < 1000) corpus[random.below(corpus.length)] = input;
    } catch (error) {
      throw new Error(`Seed ${seed}, input ${run}: ${Buffer.from(input).toString("hex")}`, { cause: error });
    }
    const spent = performance.now() - start;
    if (spent > HANG_MS)
      throw new Error(`Seed ${seed}, input ${run} took ${spent} ms: ${Buffer.from(input).toString("hex")}`);
  }
  return outcomes;
}

/** The published code, in a realm whose arrays count what they take. */
async function load(counter: { bytes: number }): Promise<Banana> {
  const text = new TextDecoder().decode(await bundle(new URL("../../packages/banana/src/index.ts", import.meta.url)));
  const names = /export \{([^}]*)\};\s*$/.exec(text)![1]!;
  const context = createContext({ TextEncoder, TextDecoder, TransformStream, counter });
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
  return runInContext(
    `${counting} (() => { ${text.slice(0, text.lastIndexOf("export {"))} return {${names}, own: (bytes) => Uint8Array.from(bytes)}; })()`,
    context,
  ) as Banana;
}

function readCorpus(): Uint8Array[] {
  return readdirSync(vectors).flatMap((file) => {
    const { cases } = JSON.parse(readFileSync(new URL(file, vectors), "utf8")) as {
      cases: { hex?: string; received?: string[] }[];
    };
    return cases
      .flatMap(({ hex, received }) => [hex ?? "", ...(received ?? [])])
      .filter((hex) => hex !== "" && hex.length < 40_000)
      .map((hex) => Uint8Array.from(Buffer.from(hex, "hex")));
  });
}

function mutate(random: Random, corpus: readonly Uint8Array[]): Uint8Array {
  const bytes = [...random.pick(corpus)];
  for (let changes = 1 + random.below(random.pick([1, 2, 6])); changes > 0; changes--) {
    const at = random.below(bytes.length + 1);
    switch (random.below(8)) {
      case 0:
        bytes[at] = random.below(256);
        break;
      case 1:
        if (at < bytes.length) bytes[at]! ^= 1 << random.below(8);
        break;
      case 2:
        bytes.splice(at, 0, 0x80 + random.below(9));
        break;
      case 3:
        bytes.splice(at, 0, ...Array.from({ length: 1 + random.below(random.pick([3, 70])) }, () => random.below(128)));
        break;
      case 4:
        bytes.splice(at, 1 + random.below(8));
        break;
      case 5:
        bytes.splice(at, 0, ...bytes.slice(at, at + random.below(40)));
        break;
      case 6:
        bytes.splice(at, 0, ...random.pick(corpus).slice(0, 500));
        break;
      case 7: {
        // A list around it, which then has one element or too few.
        bytes.unshift(random.pick([1, 1, 2, 127]), 0x80);
        break;
      }
    }
  }
  return Uint8Array.from(bytes.slice(0, 10_000));
}

/** Returns what came of it; throws when it was handled badly. */
function check(banana: Banana, counter: { bytes: number }, random: Random, input: Uint8Array): string {
  const dialect = random.pick(["pb", "none"] as const);
  const limits: Partial<Limits> | undefined = random.below(3) > 0 ? undefined : randomLimits(random);
  const options = { dialect, limits };

  const own = banana.own(input);
  counter.bytes = 0;
  const whole = outcomeOf(banana, () => banana.decode(own, options));
  if (counter.bytes > BYTES_PER_BYTE * input.length + BYTES_AT_ONCE)
    throw new Error(`decode took ${counter.bytes} bytes for ${input.length}`);

  const { delivered, code } = scan(banana, [own], options, "lend");
  const cut = scan(banana, cutUp(banana, random, input), options, random.pick(["push", "lend"] as const));
  if (!isDeepStrictEqual({ delivered, code }, cut)) throw new Error("The result depends on the chunks");
  if (whole.error === undefined && !isDeepStrictEqual([whole.value], delivered))
    throw new Error("decode and Scanner differ");

  for (const value of delivered) {
    const canonical = banana.encode(value, { dialect });
    const again = banana.decode(canonical, { dialect });
    if (!isDeepStrictEqual(again, value)) throw new Error("What was read is not what was written");
    if (Buffer.compare(canonical, banana.encode(again, { dialect })) !== 0)
      throw new Error("The canonical bytes are not stable");
  }
  if (random.below(4) === 0) {
    if (input.length > 0 && banana.inspect(banana.own(input), { dialect }) === "")
      throw new Error("inspect shows nothing");
    banana.inspect(banana.own(input));
    outcomeOf(banana, () => negotiate(banana, random, input));
    outcomeOf(banana, () => wander(banana, random, input));
  }
  return whole.error ?? "a value";
}

function randomLimits(random: Random): Partial<Limits> {
  return {
    prefixBytes: 1 + random.below(64),
    integerDigits: 1 + random.below(64),
    stringBytes: 1 + random.below(300),
    listLength: 1 + random.below(300),
    depth: 1 + random.below(10),
    expressionBytes: 1 + random.below(500),
  };
}

/** The value, or the code of the BananaError. Any other error is a finding. */
function outcomeOf<Value>(banana: Banana, work: () => Value): { value?: Value; error?: string } {
  try {
    return { value: work() };
  } catch (error) {
    if (error instanceof banana.BananaError) return { error: error.code };
    throw error;
  }
}

interface Options {
  dialect: "pb" | "none";
  limits: Partial<Limits> | undefined;
}

/** Trees of what is pushed, and trees made value by value of what is lent: the same. */
function scan(banana: Banana, chunks: readonly Uint8Array[], options: Options, how: "push" | "lend") {
  const scanner = new banana.Scanner(options);
  const reader = new banana.BananaReader();
  const delivered: Package.Expression[] = [];
  try {
    for (const chunk of chunks) {
      scanner[how](chunk);
      if (how === "push")
        for (let next = scanner.next(); next !== undefined; next = scanner.next()) delivered.push(next);
      else while (scanner.advance(reader)) delivered.push(banana.readExpression(reader));
      chunk.fill(0xff);
    }
  } catch (error) {
    if (!(error instanceof banana.BananaError)) throw error;
    return { delivered, code: `${error.code} at ${String(error.offset)}` };
  }
  return { delivered, code: undefined };
}

/** Copies, in pieces of any size: also of one byte. */
function cutUp(banana: Banana, random: Random, bytes: Uint8Array): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  const most = random.pick([1, 3, 50, 3000]);
  for (let start = 0; start < bytes.length;) {
    const end = start + 1 + random.below(most);
    chunks.push(banana.own(bytes.subarray(start, end)));
    start = end;
  }
  return chunks;
}

function negotiate(banana: Banana, random: Random, input: Uint8Array): void {
  const session = new banana.Session({ role: random.pick(["listener", "initiator"] as const), send: () => undefined });
  session.start();
  session.push(input);
  while (session.next() !== undefined);
}

/** Calls a reader's methods in any order, on bytes that nobody scanned. */
function wander(banana: Banana, random: Random, input: Uint8Array): void {
  const reader = new banana.BananaReader().reset(input, 0, input.length, banana.pb, 0);
  const head = new banana.ListHead(1 + random.below(3), random.pick(["None", "unicode", "list", "x"]));
  while (reader.offset < input.length) {
    const method = random.pick([
      "kind",
      "list",
      "integer",
      "float",
      "exactFloat",
      "bytes",
      "word",
      "text",
      "skip",
    ] as const);
    outcomeOf(banana, () => reader[method]());
    if (random.below(3) === 0) reader.begins(head);
    if (random.below(9) === 0) reader.integers(new Array(10), 0);
    if (random.below(3) === 0) reader.skip();
  }
}
