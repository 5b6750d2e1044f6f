// Runs a pair with one half of Twisted and one half of ours, and compares their output with a pair of Twisted's.

import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join, parse } from "node:path";
import { fileURLToPath } from "node:url";
import { isListening, freePort } from "../../process/ports.js";
import { Program, typescript, until } from "../../process/program.js";
import type { Command } from "../../process/program.js";
import { makeOnce, succeeds } from "../../twisted/install.js";
import { pythonEnvironment } from "../../twisted/twisted.js";
import { pairs } from "./pairs.js";

const here = fileURLToPath(new URL("./", import.meta.url));
const examples = fileURLToPath(new URL("../../../packages/examples/src/howto/", import.meta.url));
const download = fileURLToPath(new URL("../../../node_modules/.cache/pb-twisted-doc", import.meta.url));
/** Where the listings are. */
export const documentation = join(download, "usr/share/doc/twisted-doc");

export type Side = "server" | "client";
const sides: readonly Side[] = ["server", "client"];

/** Downloads Debian's package of Twisted's documentation once. Returns false when that fails. Blocks. */
export function downloadListings(): boolean {
  const command = "chmod 755 . && apt-get download twisted-doc && dpkg-deb -x twisted-doc_*.deb .";
  return makeOnce(download, (cwd) => succeeds("sh", ["-c", command], { cwd }));
}

/** Runs a pair in which the side `ours` is ours. Resolves with a description of each difference. */
export async function runPair(name: string, ours: Side, python: string): Promise<string[]> {
  const pair = pairs[name]!;
  const port = await freePort();
  const expected = { server: expectedOutput(name, "server", ours), client: expectedOutput(name, "client", ours) };

  await using server = start(pair.server, "server");
  await until(async () => server.hasExited || isListening(port), "the server to listen");
  const programs: Record<Side, Program[]> = { server: [server], client: [] };
  for (const script of pair.clients) {
    await using client = start(script, "client");
    programs.client.push(client);
    const part = programs.client.length / pair.clients.length;
    await untilOrTimeout(() => client.hasExited || (pair.clientsRunForever === true && hasPart(part)));
  }
  await untilOrTimeout(() => hasPart(1));

  const stderr = [server, ...programs.client].map((program) => program.stderr).join("");
  return sides.flatMap((side) => {
    const [actual, wanted] = outputs(side);
    return actual === wanted ? [] : [`the ${side} printed\n${actual}\ninstead of\n${wanted}\n${stderr}`];
  });

  function start(script: string, side: Side): Program {
    const env = { ...pythonEnvironment(), PB_TWISTED_DOC: documentation, LANG: "C.UTF-8" };
    return new Program(`${name} ${side}`, side === ours ? ourCommand(script) : twistedCommand(script), { env });
  }

  function ourCommand(script: string): Command {
    const file = readdirSync(examples, { recursive: true }).find(
      (path) => parse(String(path)).name === parse(script).name,
    );
    return typescript(join(examples, String(file)), String(port));
  }

  function twistedCommand(script: string): Command {
    const replacement = here + script;
    const path = existsSync(replacement) ? replacement : join(documentation, script);
    return [python, `${here}run_listing.py`, String(port), path];
  }

  /** What the programs of a side have printed, and what they must print. */
  function outputs(side: Side): [actual: string, wanted: string] {
    const actual = programs[side].map(({ stdout }) => normalize(stdout, side === ours)).join("");
    if (pair.repeats !== true) return [actual, expected[side]];
    return [withoutRepeats(actual), withoutRepeats(expected[side])];
  }

  /** Whether both sides printed at least this part of the expected lines; the expected text when `part` is 1. */
  function hasPart(part: number): boolean {
    return sides.every((side) => {
      const [actual, wanted] = outputs(side);
      return part === 1 ? actual === wanted : actual.split("\n").length > (wanted.split("\n").length - 1) * part;
    });
  }
}

/** A timeout is not an error here: the comparison of the output reports what is missing. */
async function untilOrTimeout(condition: () => boolean): Promise<void> {
  await until(condition, "output").catch(() => undefined);
}

/**
 * `expected/NAME.SIDE.txt` is what a pair of Twisted's printed. `NAME.SIDE.ours.txt` replaces it where our half prints
 * the same in another form, and `NAME.SIDE.with-ours.txt` where Twisted's half prints text that it got from our half.
 */
function expectedOutput(name: string, side: Side, ours: Side): string {
  const special = `${here}expected/${name}.${side}.${side === ours ? "ours" : "with-ours"}.txt`;
  const text = readFileSync(existsSync(special) ? special : `${here}expected/${name}.${side}.txt`, "utf8");
  if (side !== ours) return normalize(text, false);
  const twistedLog = /^(Log opened\.|Starting factory|Stopping factory|PBServerFactory starting|Main loop).*\n/gm;
  return normalize(text.replaceAll(twistedLog, ""), true);
}

/** Removes the differences between two runs, and between Python and JavaScript, from the output of a program. */
function normalize(output: string, isOurs: boolean): string {
  const text = `${output}\n`
    .replaceAll(/^\d{4}-\d\d-\d\d[ T][\d:.+-]+ \[[^\]]*\] ?/gm, "") // the time of a log entry
    .replace(/^Received SIGTERM[^]*/m, "")
    .replaceAll(/<(?:[\w.]+\.)?(\w+) object at 0x\w+>/g, "<$1>")
    .replaceAll(/cps: \d+/g, "cps: N")
    .replaceAll(/(starting on) \d+/g, "$1 PORT")
    .replaceAll(/\s*\n/g, "\n") // white space at the end of lines, and empty lines
    .replace(/^\n/, "");
  if (!isOurs) return text;
  return text
    .replaceAll(/\b([A-Z]\w+) \{[^{}]*\}/g, "<$1>") // how Node prints an object
    .replaceAll(/\bProxy\((<\w+>)\)/g, "$1") // how Node 26 prints the proxy of a cache
    .replaceAll(/\bb'([^']*)'/g, "$1")
    .replaceAll(/\[ (.*) \]/g, "[$1]");
}

function withoutRepeats(output: string): string {
  return [...new Set(output.split("\n"))].join("\n");
}
