// Runs one half of a pair in Twisted and the other in TypeScript, and compares what both print with what a pair of Twisted's prints.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { pythonEnvironment } from "../../twisted/twisted.js";
import { freePort, isListening } from "../port.js";
import { Program, until } from "../program.js";
import type { Programs } from "../programs.js";
import { pairs } from "./pairs.js";
import type { Pair, TwistedHalf } from "./pairs.js";

const here = fileURLToPath(new URL("./", import.meta.url));
const listings = fileURLToPath(new URL("../../../node_modules/.cache/pb-listings", import.meta.url));

/** Whose halves run. */
export type Side = "client" | "server";

/** Milliseconds for a half to say everything: Python starts slowly on a machine that is busy. */
const PATIENCE = 30_000;

/** Fetches Twisted's halves, which Debian packs. False where that cannot be done. Blocks. */
export function fetchListings(): boolean {
  const { status, stderr } = spawnSync("bash", [`${here}get.sh`, listings], { encoding: "utf8", timeout: 120_000 });
  if (status !== 0) process.stderr.write(`Twisted's listings cannot be fetched: ${stderr.trim()}\n`);
  return status === 0;
}

/** What is wrong with a pair of which `ours` is ours: nothing, or what was printed in place of what. */
export async function runPair(name: string, ours: Side, programs: Programs, python: string): Promise<string[]> {
  const pair = pairs[name]!;
  const port = await freePort();
  const environment = { ...pythonEnvironment(), PBREAL_LISTINGS: listings, LANG: "C.UTF-8" };
  const start = (side: Side, index: number): Program => {
    const command: readonly [string, ...string[]] =
      side === ours
        ? [process.execPath, programs.path(`howto/${ourHalves(pair, side)[index]!}`), String(port)]
        : [python, ...twistedArguments(halves(pair, side)[index]!, port)];
    return new Program(`${name} ${side}`, command, environment);
  };
  const expected = { server: expectation(name, "server", ours), client: expectation(name, "client", ours) };
  const printed = { server: "", client: "" };

  await using server = start("server", 0);
  if (!(await until(async () => server.isOver || isListening(port), PATIENCE)) || server.isOver) {
    return [`the server does not listen:\n${server.stdout}${server.stderr}`];
  }
  const count = halves(pair, "client").length;
  let stderr = "";
  for (let index = 0; index < count; index++) {
    await using client = start("client", index);
    const before = printed.client;
    // Some clients of Twisted's never end: they are done when everything is said.
    await until(() => {
      printed.client = before + normal(client.stdout, ours === "client");
      printed.server = normal(server.stdout, ours === "server");
      if (pair.isEndless === true) return isSaid(printed, expected);
      return client.isOver || (isPart(printed, expected, (index + 1) / count) && !endsByItself(name));
    }, PATIENCE);
    await until(() => client.isOver, endsByItself(name) ? PATIENCE : 0);
    printed.client = before + normal(client.stdout, ours === "client");
    stderr += client.stderr;
  }
  await until(() => {
    printed.server = normal(server.stdout, ours === "server");
    return isSaid(printed, expected);
  }, PATIENCE / 6);
  stderr += server.stderr;

  return (["server", "client"] as const).flatMap((side) => {
    const [is, shouldBe] = [unrepeated(pair, printed[side]), unrepeated(pair, expected[side])];
    return is === shouldBe ? [] : [`the ${side} printed\n${is}\nin place of\n${shouldBe}\n${stderr}`];
  });

  function isSaid(told: typeof printed, wanted: typeof expected): boolean {
    return (["server", "client"] as const).every(
      (side) => unrepeated(pair, told[side]) === unrepeated(pair, wanted[side]),
    );
  }
}

/** Clients that never end: those of the first chapters, which leave the reactor running. */
function endsByItself(name: string): boolean {
  return !["pb1", "pb2", "pb3", "pb5b", "pb6b", "bench"].includes(name);
}

function halves(pair: Pair, side: Side): readonly TwistedHalf[] {
  return side === "server" ? [pair.server] : pair.clients;
}

function ourHalves(pair: Pair, side: Side): readonly string[] {
  return side === "server" ? [pair.ours.server] : pair.ours.clients;
}

function twistedArguments({ script, bytesCredentials, tac, isOurs }: TwistedHalf, port: number): string[] {
  if (isOurs === true) return [here + script, String(port)];
  return [
    ...[`${here}shim.py`, "--port", String(port)],
    ...(bytesCredentials === true ? ["--bytes-credentials"] : []),
    ...(tac === true ? ["--tac"] : []),
    `${listings}/${script}`,
  ];
}

/**
 * What a half should print: `expected/NAME.SIDE.txt`, which a pair of Twisted's printed; where ours says the same in another way, or Twisted's
 * repeats what ours says, `NAME.SIDE.ours.txt` or `NAME.SIDE.with-ours.txt`.
 */
function expectation(name: string, side: Side, ours: Side): string {
  const special = `${here}expected/${name}.${side}.${side === ours ? "ours" : "with-ours"}.txt`;
  const file = existsSync(special) ? special : `${here}expected/${name}.${side}.txt`;
  const text = readFileSync(file, "utf8");
  return normal(side === ours ? withoutTwistedsLog(text) : text, side === ours);
}

/** Lines that differ from run to run, or from language to language, made the same. */
function normal(text: string, isOurs: boolean): string {
  const lines: string[] = [];
  for (const line of text.replaceAll("\r\n", "\n").split("\n")) {
    const bare = line.replace(/^\d{4}-\d\d-\d\d[ T][\d:.+-]+ \[[^\]]*\] ?/, "");
    if (bare.startsWith("Received SIGTERM")) break;
    if (bare.trim() === "") continue;
    lines.push(
      bare
        .replaceAll(/<(?:[\w.]+\.)?(\w+) object at 0x\w+>/g, "<$1>")
        .replace(/cps: \d+/, "cps: N")
        .replace(/(starting on) \d+/, "$1 PORT"),
    );
  }
  const joined = lines.map((line) => `${line.trimEnd()}\n`).join("");
  if (!isOurs) return joined;
  return joined
    .replaceAll(/\b([A-Z]\w+) \{[^{}]*\}/g, "<$1>") // Node shows objects so
    .replaceAll(/\bProxy\((<\w+>)\)/g, "$1") // and from 26 on what a cache is held by
    .replaceAll(/\bb'([^']*)'/g, "$1")
    .replaceAll(/\[ (.*) \]/g, "[$1]");
}

function withoutTwistedsLog(text: string): string {
  return text.replaceAll(
    /^(Log opened\.|Starting factory|Stopping factory|PBServerFactory starting|Main loop).*\n/gm,
    "",
  );
}

/** Whether at least this part of what is wanted has been said, line by line. */
function isPart(told: Record<Side, string>, wanted: Record<Side, string>, part: number): boolean {
  return (["server", "client"] as const).every((side) => {
    const lines = wanted[side].split("\n").slice(0, -1);
    return told[side].split("\n").length - 1 >= Math.ceil(lines.length * part);
  });
}

function unrepeated(pair: Pair, text: string): string {
  return pair.isEndless === true ? [...new Set(text.split("\n"))].join("\n") : text;
}
