/** Encodes and decodes values beside other codecs. */

import { Decoder as MsgpackDecoder, Encoder as MsgpackEncoder } from "@msgpack/msgpack";
import { Decoder as CborDecoder, Encoder as CborEncoder } from "cbor-x";
import { Packr } from "msgpackr";
import { pathToFileURL } from "node:url";
import { bundleFile } from "../bundle.js";
import { ChildProcess, twistedCommand } from "../child-process.js";
import { explained, formatSeconds, ratioCells, table } from "../format.js";
import { compare, inProcess } from "../paired.js";
import type { Options, Sample } from "../paired.js";
import type * as Packages from "./packages.js";
import { payloads } from "./payloads.js";

type Suite = "codec" | "jelly";

/** How many times as fast as a contender each direction should be. */
type Goals = Readonly<Record<string, { readonly encode?: number; readonly decode?: number }>>;

/** For the payloads that have no goals of their own. */
const usualGoals: Goals = { "@msgpack/msgpack": { encode: 1, decode: 1 }, Twisted: { encode: 20, decode: 80 } };
const besideJson: Goals = { "JSON, TextEncoder": { encode: 1, decode: 1 } };
const goals: Readonly<Record<string, Goals>> = {
  "nested record": {
    "@msgpack/msgpack": { encode: 1.1, decode: 1 },
    "JSON, TextEncoder": { encode: 1 },
    Twisted: { encode: 20, decode: 80 },
  },
  "100,000 integers": besideJson,
  "10,000 dicts": besideJson,
};

const BELOW = `Twisted requires a tagged list for each text and each key: the nested record has 2.7 times as many bytes as with
MessagePack. To write it takes a fifth longer than to write the same bytes by hand, mostly to recognize shared objects, which
neither JSON nor MessagePack does. No gain was found in a loop over an object instead of its list of keys, in a hash table instead
of a list for fewer than 48 objects, in keeping keys encoded, and in reading the head of a list and its word at once. Needed:
a form without tags, such as the packed states of live state, which only ends of @pb know.`;

/** Imports the packages as they are published, by default those of this checkout. */
export async function importPackages(checkout?: string): Promise<typeof Packages> {
  const name = checkout === undefined ? "packages" : "old packages";
  const file = await bundleFile(name, new URL("packages.ts", import.meta.url), { checkout });
  return (await import(pathToFileURL(file).href)) as typeof Packages;
}

/**
 * One bench: `codec` measures trees and @pb/banana, `jelly` values and @pb/jelly-types. `wanted` are beginnings of
 * payload names. Resolves with a section for each payload.
 */
export async function benchCodec(
  suite: Suite,
  wanted: readonly string[],
  { checkout, ...options }: Options & { checkout?: string | undefined },
): Promise<string[]> {
  const packages = await importPackages();
  const codecOf = suite === "codec" ? "treeCodec" : "valueCodec";
  const name = suite === "codec" ? "@pb/banana" : "@pb/jelly-types";
  const ours = { [name]: packages[codecOf]() };
  if (checkout !== undefined) ours[`old ${name}`] = (await importPackages(checkout))[codecOf]();

  using twisted = await startTwisted(suite);
  const sections: string[] = [];
  for (const [payload, json] of Object.entries(payloads)) {
    if (wanted.length > 0 && !wanted.some((each) => payload.startsWith(each))) continue;
    const bytes = packages.valueCodec().write(json).slice();
    const value = suite === "codec" ? ours[name]!.read(bytes) : json;
    if (JSON.stringify(ours[name]!.read(bytes)) !== JSON.stringify(value))
      throw new Error("The codec does not preserve the value");
    const codecs = [
      ...Object.entries(ours).map(([each, codec]) => ({ name: each, codec, value, bytes })),
      ...Object.entries(others()).map(([each, codec]) => {
        const written = (each === "JSON, Buffer" ? Buffer : Uint8Array).from(codec.write(json));
        return { name: each, codec, value: json, bytes: written };
      }),
    ];
    const goalsOfPayload = suite === "codec" ? {} : (goals[payload] ?? usualGoals);
    const shown: string[][] = [];
    let section = `### ${name}: ${payload}\n\nIts encoding has ${bytes.length.toLocaleString("en")} bytes.`;
    await twisted?.request({ action: "load", hex: Buffer.from(bytes).toString("hex") });
    for (const direction of ["encode", "decode"] as const) {
      const contenders = codecs.map((each) =>
        direction === "encode"
          ? inProcess(each.name, () => each.codec.write(each.value))
          : inProcess(each.name, () => each.codec.read(each.bytes)),
      );
      const run = async (times: number): Promise<Sample> => {
        const { cpu } = await twisted!.request<Sample>({ action: direction, times });
        return { seconds: cpu, cpu };
      };
      if (twisted !== undefined) contenders.push({ name: "Twisted", run });
      const results = await compare(contenders, options);
      const rows = results.map((result, index) => [
        result.name,
        formatSeconds(result.seconds.median),
        ...ratioCells(result, goalsOfPayload[result.name]?.[direction], index === 0),
      ]);
      const heads = [direction, "time", `${name} is faster, times`, "goal"];
      section += `\n\n${table(heads, rows)}`;
      shown.push(...rows);
    }
    sections.push(section + explained(shown, BELOW));
  }
  return sections;
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
  const parse = (text: string): unknown => JSON.parse(text);
  return {
    "JSON, TextEncoder": {
      write: (value) => utf8Encoder.encode(JSON.stringify(value)),
      read: (bytes) => parse(utf8Decoder.decode(bytes)),
    },
    "JSON, Buffer": {
      write: (value) => Buffer.from(JSON.stringify(value)),
      read: (bytes) => parse((bytes as Buffer).toString()),
    },
    "@msgpack/msgpack": { write: (value) => encoder.encode(value), read: (bytes) => decoder.decode(bytes) },
    msgpackr: { write: (value) => packr.pack(value), read: (bytes) => packr.unpack(bytes) as unknown },
    "cbor-x": { write: (value) => cborEncoder.encode(value), read: (bytes) => cborDecoder.decode(bytes) as unknown },
  };
}

async function startTwisted(suite: Suite): Promise<ChildProcess | undefined> {
  const command = twistedCommand();
  if (command === undefined) return undefined;
  const twisted = new ChildProcess("The process of Twisted", [...command, suite]);
  await twisted.nextLine();
  return twisted;
}
