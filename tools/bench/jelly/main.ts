// Values to bytes and bytes to values beside others, on the same values; and what shared objects cost.

import { Decoder as MsgpackDecoder, Encoder as MsgpackEncoder } from "@msgpack/msgpack";
import { importBuilt } from "../bundle.js";
import { payloads } from "../codec/payloads.js";
import { TwistedCodec } from "../codec/twisted.js";
import { compare, contender, formatSeconds } from "../measure.js";
import type { Contender } from "../measure.js";
import { show } from "../report.js";
import type * as Ours from "./jelly.js";

const ours = await importBuilt<typeof Ours>(new URL("jelly.ts", import.meta.url));

/** Arguments: `--rounds=25`, and the beginnings of the payloads' names or `shared`; everything without one. */
export async function main(args: readonly string[]): Promise<void> {
  const rounds = Number(args.find((arg) => arg.startsWith("--rounds="))?.slice("--rounds=".length) ?? 25);
  const wanted = args.filter((arg) => !arg.startsWith("--"));
  const isWanted = (name: string): boolean => wanted.length === 0 || wanted.some((start) => name.startsWith(start));
  const twisted = await TwistedCodec.start(new URL("twisted_jelly.py", import.meta.url));
  console.log(`Node ${process.version}; ${twisted?.version ?? "no Twisted"}`);
  console.log(
    "Behind each time: how often faster @pb/jelly-types is (the median of all rounds, the middle 80 % of them).",
  );
  for (const [payload, value] of Object.entries(payloads)) {
    if (!isWanted(payload)) continue;
    const { bytes, encoders, decoders } = contendersFor(value);
    if (twisted !== undefined) {
      await twisted.load(payload, bytes);
      encoders.push(twisted.contender(payload, "encode"));
      decoders.push(twisted.contender(payload, "decode"));
    }
    console.log(`\n${payload}: ${bytes.length} bytes`);
    show(payload, "encode", await compare(encoders, { rounds }));
    show(payload, "decode", await compare(decoders, { rounds }));
  }
  twisted?.stop();
  if (isWanted("shared")) await sharing(rounds);
}

/** Everybody who takes part, with us first; each with what it may keep from one call to the next. */
function contendersFor(value: unknown) {
  const { write, read } = codec();
  const utf8Encoder = new TextEncoder();
  const utf8Decoder = new TextDecoder();
  const msgpackEncoder = new MsgpackEncoder();
  const msgpackDecoder = new MsgpackDecoder();
  const bytes = write(value);
  const json = utf8Encoder.encode(JSON.stringify(value));
  const jsonBuffer = Buffer.from(json);
  const msgpack = msgpackEncoder.encode(value);
  if (JSON.stringify(read(bytes)) !== JSON.stringify(value)) throw new Error("What was read is not what was written");

  const encoders: Contender[] = [
    contender("@pb/jelly-types", () => write(value)),
    contender("JSON, TextEncoder", () => utf8Encoder.encode(JSON.stringify(value))),
    contender("JSON, Buffer", () => Buffer.from(JSON.stringify(value))),
    contender("@msgpack/msgpack", () => msgpackEncoder.encode(value)),
  ];
  const decoders: Contender[] = [
    contender("@pb/jelly-types", () => read(bytes)),
    contender("JSON, TextDecoder", () => JSON.parse(utf8Decoder.decode(json)) as unknown),
    contender("JSON, Buffer", () => JSON.parse(jsonBuffer.toString()) as unknown),
    contender("@msgpack/msgpack", () => msgpackDecoder.decode(msgpack)),
  ];
  return { bytes, encoders, decoders };
}

/** A writer and a reader such as a connection has. */
function codec() {
  const registry = new ours.TypeRegistry();
  const writer = new ours.BananaWriter({ dialect: "pb" });
  const jellier = new ours.Jellier(writer, { registry });
  const scanner = new ours.Scanner({ dialect: "pb" });
  const reader = new ours.BananaReader();
  const unjellier = new ours.Unjellier({ registry });
  return {
    write: (value: unknown): Uint8Array => {
      jellier.writeGraph(value);
      return writer.takeView();
    },
    read: (bytes: Uint8Array): unknown => {
      scanner.lend(bytes);
      scanner.advance(reader);
      const value = unjellier.readGraph(reader);
      if (scanner.advance(reader)) throw new Error("More than one expression");
      return value;
    },
  };
}

/** What sharing costs: nothing where there is none, and as much for each object whatever their number. */
async function sharing(rounds: number): Promise<void> {
  const nodes = (count: number): unknown[] => Array.from({ length: count }, (_, index) => [index, index + 1]);
  const twice = (count: number): unknown[] => {
    const shared = nodes(count);
    return [...shared, ...shared];
  };
  const graphs: [string, number, unknown[]][] = [
    ["10,000 lists, each twice", 10_000, twice(10_000)],
    ["10,000 lists, each once", 10_000, nodes(10_000)],
    ["1,000 lists, each twice", 1000, twice(1000)],
    ["100 lists, each twice", 100, twice(100)],
  ];
  const encoding = (graph: unknown[]): (() => unknown) => {
    const { write } = codec();
    return () => write(graph);
  };
  const decoding = (graph: unknown[]): (() => unknown) => {
    const { write, read } = codec();
    const bytes = write(graph);
    return () => read(bytes);
  };
  console.log("\nshared objects: the time for one list");
  for (const work of [encoding, decoding]) {
    console.log(work === encoding ? "  encode" : "  decode");
    const results = await compare(
      graphs.map(([name, , graph]) => contender(name, work(graph))),
      { rounds },
    );
    for (const [index, { name, seconds }] of results.entries()) {
      console.log(`    ${name.padEnd(26)}${formatSeconds(seconds / graphs[index]![1]).padStart(11)}`);
    }
  }
}
