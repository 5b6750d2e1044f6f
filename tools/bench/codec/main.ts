// The codec beside others, on the same values: encode to bytes, decode from bytes, and what a decode takes of memory.

import { Decoder as MsgpackDecoder, Encoder as MsgpackEncoder } from "@msgpack/msgpack";
import { Decoder as CborDecoder, Encoder as CborEncoder, isNativeAccelerationEnabled as cborAddon } from "cbor-x";
import { isNativeAccelerationEnabled as msgpackrAddon, Packr } from "msgpackr";
import { importBuilt } from "../bundle.js";
import { allocated, compare, contender, formatBytes } from "../measure.js";
import type { Contender } from "../measure.js";
import { show } from "../report.js";
import { payloads } from "./payloads.js";
import type { Plain } from "./payloads.js";
import type * as Ours from "./plain.js";
import { TwistedCodec } from "./twisted.js";

const ours = await importBuilt<typeof Ours>(new URL("plain.ts", import.meta.url));

/** Arguments: `--rounds=25`, and the beginnings of the payloads' names; all of them without one. */
export async function main(args: readonly string[]): Promise<void> {
  const rounds = Number(args.find((arg) => arg.startsWith("--rounds="))?.slice("--rounds=".length) ?? 25);
  const wanted = args.filter((arg) => !arg.startsWith("--"));
  const twisted = await TwistedCodec.start();
  console.log(
    `Node ${process.version}; ${twisted?.version ?? "no Twisted"}; native addon of msgpackr: ${yesNo(msgpackrAddon)}, of cbor-x: ${yesNo(cborAddon)}`,
  );
  console.log(
    "Behind each time: how often faster @pb/banana is (the median of all rounds, and the middle 80 % of them).",
  );
  for (const [payload, value] of Object.entries(payloads)) {
    if (wanted.length > 0 && !wanted.some((name) => payload.startsWith(name))) continue;
    const { sizes, encoders, decoders } = contendersFor(value);
    if (twisted !== undefined) {
      await twisted.load(payload, sizes.banana);
      encoders.push(twisted.contender(payload, "encode"));
      decoders.push(twisted.contender(payload, "decode"));
    }
    console.log(
      `\n${payload}: ${sizes.banana.length} bytes, as JSON ${sizes.json.length}, as MessagePack ${sizes.msgpack.length}`,
    );
    show(payload, "encode", await compare(encoders, { rounds }));
    show(payload, "decode", await compare(decoders, { rounds }));
    showMemory(decoders);
  }
  twisted?.stop();
}

/** Everybody who takes part, with us first; each with what it may keep from one call to the next. */
function contendersFor(value: Plain) {
  const writer = new ours.BananaWriter({ dialect: "pb" });
  const scanner = new ours.Scanner({ dialect: "pb" });
  const reader = new ours.BananaReader();
  const utf8Encoder = new TextEncoder();
  const utf8Decoder = new TextDecoder();
  const msgpackEncoder = new MsgpackEncoder();
  const msgpackDecoder = new MsgpackDecoder();
  const packr = new Packr({ useRecords: false });
  const cborEncoder = new CborEncoder({ useRecords: false });
  const cborDecoder = new CborDecoder({ useRecords: false });

  const write = (): Uint8Array => {
    ours.writePlain(writer, value);
    return writer.takeView();
  };
  const read = (bytes: Uint8Array): Plain => {
    scanner.lend(bytes);
    scanner.advance(reader);
    const read = ours.readPlain(reader);
    if (scanner.advance(reader)) throw new Error("More than one expression");
    return read;
  };
  const banana = write();
  const expression = ours.decode(banana, { dialect: "pb" });
  const json = utf8Encoder.encode(JSON.stringify(value));
  const jsonBuffer = Buffer.from(json);
  const msgpack = msgpackEncoder.encode(value);
  const packed = Uint8Array.from(packr.pack(value));
  const cbor = Uint8Array.from(cborEncoder.encode(value));
  if (JSON.stringify(read(banana)) !== JSON.stringify(value)) throw new Error("What was read is not what was written");

  const encoders: Contender[] = [
    contender("@pb/banana", write),
    contender("@pb/banana, a tree", () => ours.encode(expression, { dialect: "pb" })),
    contender("JSON, TextEncoder", () => utf8Encoder.encode(JSON.stringify(value))),
    contender("JSON, Buffer", () => Buffer.from(JSON.stringify(value))),
    contender("@msgpack/msgpack", () => msgpackEncoder.encode(value)),
    contender("msgpackr", () => packr.pack(value)),
    contender("cbor-x", () => cborEncoder.encode(value)),
  ];
  const decoders: Contender[] = [
    contender("@pb/banana", () => read(banana)),
    contender("@pb/banana, a tree", () => ours.decode(banana, { dialect: "pb" })),
    contender("JSON, TextDecoder", () => JSON.parse(utf8Decoder.decode(json)) as unknown),
    contender("JSON, Buffer", () => JSON.parse(jsonBuffer.toString()) as unknown),
    contender("@msgpack/msgpack", () => msgpackDecoder.decode(msgpack)),
    contender("msgpackr", () => packr.unpack(packed) as unknown),
    contender("cbor-x", () => cborDecoder.decode(cbor) as unknown),
  ];
  return { sizes: { banana, json, msgpack }, encoders, decoders };
}

function showMemory(decoders: readonly Contender[]): void {
  const [own, , json] = decoders.map((each) => allocated(each));
  console.log(
    `  memory that one decode takes: ${formatBytes(own!)}; JSON.parse of a decoded string ${formatBytes(json!)}; ${(own! / json!).toFixed(2)} times as much, wanted 3 at most`,
  );
}

function yesNo(is: boolean): string {
  return is ? "yes" : "no";
}
