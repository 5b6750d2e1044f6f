/** Encodes and decodes values beside other codecs. */

import { Decoder as MsgpackDecoder, Encoder as MsgpackEncoder } from "@msgpack/msgpack";
import { Decoder as CborDecoder, Encoder as CborEncoder } from "cbor-x";
import { Packr } from "msgpackr";
import { fileURLToPath } from "node:url";
import { findTwisted, noTwisted } from "../../twisted/twisted.js";
import { importBundle } from "../bundle.js";
import { ChildProcess } from "../child-process.js";
import { formatSeconds, ratioCells, table } from "../format.js";
import { compare, inProcess } from "../paired.js";
import type { Contender, Options } from "../paired.js";
import type * as Packages from "./packages.js";
import { payloads } from "./payloads.js";

type Direction = "encode" | "decode";

/** How many times as fast as these contenders each bench should be. */
const targets: Record<string, Partial<Record<string, Record<Direction, number>>>> = {
  jelly: { "@msgpack/msgpack": { encode: 1, decode: 1 }, Twisted: { encode: 20, decode: 80 } },
};

/**
 * One bench: `codec` measures trees and @pb/banana, `jelly` values and @pb/jelly-types. `wanted` are beginnings of
 * payload names.
 */
export async function benchCodec(
  suite: "codec" | "jelly",
  wanted: readonly string[],
  options: Options & { checkout?: string | undefined },
): Promise<void> {
  const load = async (checkout?: string): Promise<Packages.Codec> => {
    const packages = await importBundle<typeof Packages>(new URL("packages.ts", import.meta.url), checkout);
    return suite === "codec" ? packages.treeCodec() : packages.valueCodec();
  };
  const { valueCodec } = await importBundle<typeof Packages>(new URL("packages.ts", import.meta.url));
  const name = suite === "codec" ? "@pb/banana" : "@pb/jelly-types";
  const ours = { [name]: await load() };
  if (options.checkout !== undefined) ours[`old ${name}`] = await load(options.checkout);

  using twisted = startTwisted(suite);
  for (const [payload, json] of Object.entries(payloads)) {
    if (wanted.length > 0 && !wanted.some((each) => payload.startsWith(each))) continue;
    const bytes = valueCodec().write(json).slice();
    const value = suite === "codec" ? ours[name]!.read(bytes) : json;
    if (JSON.stringify(ours[name]!.read(bytes)) !== JSON.stringify(value))
      throw new Error("The codec does not preserve the value");
    const codecs = [
      ...Object.entries(ours).map(([each, codec]) => ({ name: each, codec, value, bytes })),
      ...Object.entries(others()).map(([each, codec]) => {
        const written = codec.write(json);
        const isBuffer = Buffer.isBuffer(written) && each.startsWith("JSON");
        return { name: each, codec, value: json, bytes: isBuffer ? written : Uint8Array.from(written) };
      }),
    ];
    console.log(`\n${payload}: ${bytes.length} bytes`);
    for (const direction of ["encode", "decode"] as const) {
      const contenders = codecs.map((each) =>
        direction === "encode"
          ? inProcess(each.name, () => each.codec.write(each.value))
          : inProcess(each.name, () => each.codec.read(each.bytes)),
      );
      if (twisted !== undefined) contenders.push(await twistedContender(twisted, bytes, direction));
      const results = await compare(contenders, options);
      const rows = results.map((result, index) => [
        result.name,
        formatSeconds(result.seconds.median),
        ...ratioCells(result, targets[suite]?.[result.name]?.[direction], index === 0),
      ]);
      console.log(`\n${table([direction, "time", `${name} is faster, times`, "target"], rows)}`);
    }
  }
}

/** The other codecs, each with what it may keep from one call to the next. */
function others(): Record<string, Packages.Codec> {
  const utf8Encoder = new TextEncoder();
  const utf8Decoder = new TextDecoder();
  const encoder = new MsgpackEncoder();
  const decoder = new MsgpackDecoder();
  const packr = new Packr({ useRecords: false });
  const cborEncoder = new CborEncoder({ useRecords: false });
  const cborDecoder = new CborDecoder({ useRecords: false });
  const jsonOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  const parse = (text: string): unknown => JSON.parse(text);
  return {
    "JSON, TextEncoder": {
      write: (value) => utf8Encoder.encode(JSON.stringify(value)),
      read: (bytes) => parse(utf8Decoder.decode(bytes)),
    },
    "JSON, Buffer": { write: jsonOf, read: (bytes) => parse((bytes as Buffer).toString()) },
    "@msgpack/msgpack": { write: (value) => encoder.encode(value), read: (bytes) => decoder.decode(bytes) },
    msgpackr: { write: (value) => packr.pack(value), read: (bytes) => packr.unpack(bytes) as unknown },
    "cbor-x": { write: (value) => cborEncoder.encode(value), read: (bytes) => cborDecoder.decode(bytes) as unknown },
  };
}

/** Undefined, and a line on stderr, where there is no Twisted. */
function startTwisted(suite: string): ChildProcess | undefined {
  const twisted = findTwisted();
  if (twisted === undefined) {
    console.error(noTwisted);
    return undefined;
  }
  const program = fileURLToPath(new URL("twisted_codec.py", import.meta.url));
  return new ChildProcess("The process of Twisted", [twisted.python, program, suite]);
}

async function twistedContender(twisted: ChildProcess, bytes: Uint8Array, direction: Direction): Promise<Contender> {
  await twisted.request({ hex: Buffer.from(bytes).toString("hex"), direction, times: 0 });
  return {
    name: "Twisted",
    async run(times) {
      const { seconds } = await twisted.request<{ seconds: number }>({ direction, times });
      return { seconds, cpu: seconds };
    },
  };
}
