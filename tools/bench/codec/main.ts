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
  codec: { Twisted: { encode: 20, decode: 80 } },
  jelly: { "@msgpack/msgpack": { encode: 1, decode: 1 }, Twisted: { encode: 20, decode: 80 } },
};

/** One bench: `codec` measures trees and @pb/banana, `jelly` values and @pb/jelly-types. `wanted` are beginnings of payload names. */
export async function benchCodec(
  suite: "codec" | "jelly",
  wanted: readonly string[],
  options: Options & { checkout?: string | undefined },
): Promise<void> {
  const load = async (checkout?: string): Promise<{ own: Packages.Codec; trees: Packages.Codec }> => {
    const packages = await importBundle<typeof Packages>(new URL("packages.ts", import.meta.url), checkout);
    return { own: suite === "codec" ? packages.treeCodec() : packages.valueCodec(), trees: packages.treeCodec() };
  };
  const own = await load();
  const old = options.checkout === undefined ? undefined : await load(options.checkout);
  const name = suite === "codec" ? "@pb/banana" : "@pb/jelly-types";
  const isWanted = (payload: string): boolean => wanted.length === 0 || wanted.some((each) => payload.startsWith(each));

  using twisted = startTwisted(suite);
  for (const [payload, json] of Object.entries(payloads)) {
    if (!isWanted(payload)) continue;
    const bytes = own.own.write(json).slice();
    const value = suite === "codec" ? own.trees.read(bytes) : json;
    if (JSON.stringify(own.own.read(bytes)) !== JSON.stringify(value)) throw new Error("The codec lost something");
    const contenders = [
      ...of(name, own.own, value, bytes),
      ...(old === undefined ? [] : of(`old ${name}`, old.own, value, old.own.write(value).slice())),
      ...others(json),
    ];
    console.log(`\n${payload}: ${bytes.length} bytes`);
    for (const direction of ["encode", "decode"] as const) {
      const all = contenders.filter((each) => each.direction === direction).map((each) => each.contender);
      if (twisted !== undefined) all.push(await twistedContender(twisted, bytes, direction));
      const results = await compare(all, options);
      const rows = results.map((result, index) => [
        result.name,
        formatSeconds(result.seconds.median),
        ...ratioCells(result, targets[suite]![result.name]?.[direction], index === 0),
      ]);
      console.log(`\n${table([direction, "time", `${name} is faster, times`, "target"], rows)}`);
    }
  }
}

interface Entry {
  readonly direction: Direction;
  readonly contender: Contender;
}

function of(name: string, { write, read }: Packages.Codec, value: unknown, bytes: Uint8Array): Entry[] {
  return both(
    name,
    () => write(value),
    () => read(bytes),
  );
}

function both(name: string, encode: () => unknown, decode: () => unknown): Entry[] {
  return [
    { direction: "encode", contender: inProcess(name, encode) },
    { direction: "decode", contender: inProcess(name, decode) },
  ];
}

/** The other codecs, each with what it may keep from one call to the next. */
function others(value: unknown): Entry[] {
  const utf8Encoder = new TextEncoder();
  const utf8Decoder = new TextDecoder();
  const json = Buffer.from(JSON.stringify(value));
  const msgpackEncoder = new MsgpackEncoder();
  const msgpackDecoder = new MsgpackDecoder();
  const msgpack = msgpackEncoder.encode(value);
  const packr = new Packr({ useRecords: false });
  const packed = Uint8Array.from(packr.pack(value));
  const cborEncoder = new CborEncoder({ useRecords: false });
  const cborDecoder = new CborDecoder({ useRecords: false });
  const cbor = Uint8Array.from(cborEncoder.encode(value));
  return [
    ...both(
      "JSON, TextDecoder",
      () => utf8Encoder.encode(JSON.stringify(value)),
      () => JSON.parse(utf8Decoder.decode(json)) as unknown,
    ),
    ...both(
      "JSON, Buffer",
      () => Buffer.from(JSON.stringify(value)),
      () => JSON.parse(json.toString()) as unknown,
    ),
    ...both(
      "@msgpack/msgpack",
      () => msgpackEncoder.encode(value),
      () => msgpackDecoder.decode(msgpack),
    ),
    ...both(
      "msgpackr",
      () => packr.pack(value),
      () => packr.unpack(packed) as unknown,
    ),
    ...both(
      "cbor-x",
      () => cborEncoder.encode(value),
      () => cborDecoder.decode(cbor) as unknown,
    ),
  ];
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
