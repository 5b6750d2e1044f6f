// Values to bytes and bytes to values beside others, on the same values.

import { Decoder as MsgpackDecoder, Encoder as MsgpackEncoder } from "@msgpack/msgpack";
import { importBuilt } from "../bundle.js";
import { payloads } from "../codec/payloads.js";
import { TwistedCodec } from "../codec/twisted.js";
import { compare, contender } from "../measure.js";
import type { Contender } from "../measure.js";

const { BananaWriter, Jellier, Scanner, TypeRegistry, Unjellier } = await importBuilt<typeof import("./jelly.js")>(
  new URL("jelly.ts", import.meta.url),
);

export async function main(args: string[]): Promise<void> {
  const rounds = Number(args.find((a) => a.startsWith("--rounds="))?.slice(9) ?? 25);
  const only = args.find((a) => a.startsWith("--only="))?.slice(7);
  const twisted = await TwistedCodec.start(new URL("twisted_jelly.py", import.meta.url));
  console.log(`Node ${process.version}; ${twisted?.version ?? "no Twisted"}`);
  for (const [payload, value] of Object.entries(payloads)) {
    if (only !== undefined && only !== payload) continue;
    const ours = codec();
    const msgpackEncoder = new MsgpackEncoder();
    const msgpackDecoder = new MsgpackDecoder();
    const utf8Encoder = new TextEncoder();
    const utf8Decoder = new TextDecoder();
    const bytes = ours.write(value);
    const json = utf8Encoder.encode(JSON.stringify(value));
    const jsonBuffer = Buffer.from(json);
    const msgpack = msgpackEncoder.encode(value);
    await twisted?.load(payload, bytes);

    const encoders = [
      contender("@pb/jelly-types", () => ours.write(value)),
      contender("JSON, TextEncoder", () => utf8Encoder.encode(JSON.stringify(value))),
      contender("JSON, Buffer", () => Buffer.from(JSON.stringify(value))),
      contender("@msgpack/msgpack", () => msgpackEncoder.encode(value)),
    ];
    const decoders = [
      contender("@pb/jelly-types", () => ours.read(bytes)),
      contender("JSON, TextDecoder", () => JSON.parse(utf8Decoder.decode(json))),
      contender("JSON, Buffer", () => JSON.parse(jsonBuffer.toString())),
      contender("@msgpack/msgpack", () => msgpackDecoder.decode(msgpack)),
    ];
    if (twisted !== undefined) {
      encoders.push(twisted.contender(payload, "encode"));
      decoders.push(twisted.contender(payload, "decode"));
    }
    const size = `(${bytes.length} bytes, JSON ${json.length})`;
    await print(`${payload}, values to bytes ${size}`, encoders, rounds);
    await print(`${payload}, bytes to values ${size}`, decoders, rounds);
  }
  twisted?.stop();
  if (only === undefined) await sharing(rounds);
}

/** A writer and a reader such as a connection has. */
function codec(): { write: (value: unknown) => Uint8Array; read: (bytes: Uint8Array) => unknown } {
  const registry = new TypeRegistry();
  const writer = new BananaWriter({ dialect: "pb" });
  const jellier = new Jellier(writer, { registry });
  const scanner = new Scanner({ dialect: "pb" });
  const unjellier = new Unjellier({ registry });
  return {
    write(value) {
      jellier.writeGraph(value);
      return writer.take();
    },
    read(bytes) {
      scanner.lend(bytes);
      return unjellier.readGraph(scanner.next()!);
    },
  };
}

/** What sharing costs: nothing where there is none, and the same per object whatever their number. */
async function sharing(rounds: number): Promise<void> {
  const nodes = (count: number): unknown[] => Array.from({ length: count }, (_, index) => [index, index + 1]);
  const twice = (count: number): unknown[] => {
    const shared = nodes(count);
    return [...shared, ...shared];
  };
  const graphs: [string, unknown[]][] = [
    ["20,000 lists, none shared", nodes(20_000)],
    ["10,000 lists, each twice", twice(10_000)],
    ["1,000 lists, each twice", twice(1000)],
    ["100 lists, each twice", twice(100)],
  ];
  const encoders = graphs.map(([name, graph]) => {
    const ours = codec();
    return contender(name, () => ours.write(graph));
  });
  const decoders = graphs.map(([name, graph]) => {
    const ours = codec();
    const bytes = ours.write(graph);
    return contender(name, () => ours.read(bytes));
  });
  await print("shared objects, values to bytes", encoders, rounds);
  await print("shared objects, bytes to values", decoders, rounds);
}

async function print(title: string, contenders: Contender[], rounds: number): Promise<void> {
  console.log(`\n${title}`);
  for (const { name, seconds, ratio } of await compare(contenders, { rounds })) {
    const time = `${(seconds * 1e6).toFixed(2).padStart(10)} µs`;
    const { low, median, high } = ratio;
    console.log(`  ${name.padEnd(26)} ${time}   ${median.toFixed(2)} (${low.toFixed(2)}-${high.toFixed(2)})`);
  }
}
