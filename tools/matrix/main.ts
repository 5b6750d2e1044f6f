// npm run matrix [-- NODE…]: every Node from 20 on against every Twisted that can be had here. Prints the table, and writes TABLE.md when
// all of them ran.

import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { linesFromNpm } from "../npm-program.js";
import { findTwisted, noTwisted } from "../twisted/twisted.js";
import type { Twisted } from "../twisted/twisted.js";
import { page, table } from "./matrix.js";
import type { Outcome } from "./matrix.js";

const MAJORS = ["20", "22", "24", "26"];
const root = fileURLToPath(new URL("../../", import.meta.url));
const wanted = process.argv.length > 2 ? process.argv.slice(2) : MAJORS;

const twisteds = (["22.4", "26.4"] as const)
  .map((version) => findTwisted(version))
  .filter((twisted): twisted is Twisted => twisted !== undefined);
if (twisteds.length === 0) throw new Error(noTwisted);

const outcomes: Outcome[] = [];
for (const major of wanted) {
  const node = nodeOf(major);
  if (node === undefined) {
    console.error(`NO NODE ${major} HERE: npm cannot bring it.`);
    continue;
  }
  for (const twisted of twisteds) {
    const outcome = run(node, twisted);
    if (outcome === undefined) {
      console.error(`Node ${major} and Twisted ${twisted.version}: the run itself failed`);
      process.exitCode = 1;
      continue;
    }
    console.error(`Node ${outcome.node}, Twisted ${outcome.twisted}: ${outcome.passed} of ${outcome.total}`);
    for (const complaint of outcome.wrong) console.error(`  ${complaint}`);
    outcomes.push(outcome);
  }
}

console.log(table(outcomes));
if (outcomes.length === MAJORS.length * 2) {
  writeFileSync(new URL("TABLE.md", import.meta.url), page(outcomes, new Date().toISOString().slice(0, 10)));
}
if (outcomes.some(({ wrong }) => wrong.length > 0)) process.exitCode = 1;

/** The program of a Node: this one, or one that npm brings. */
function nodeOf(major: string): string | undefined {
  if (process.versions.node.split(".")[0] === major) return process.execPath;
  const path = linesFromNpm(`node@${major}`, "node -p process.execPath")?.at(-1);
  return path !== undefined && isOf(path, major) ? path : undefined;
}

function isOf(node: string, major: string): boolean {
  const { stdout } = spawnSync(node, ["--version"], { encoding: "utf8" });
  return stdout.startsWith(`v${major}.`);
}

function run(node: string, { python, version }: Twisted): Outcome | undefined {
  const args = ["--import", "tsx", "--conditions=@pb/source", "tools/matrix/cell.ts", python, version];
  const { status, stdout } = spawnSync(node, args, {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    timeout: 600_000,
  });
  const line = stdout.trim().split("\n").at(-1);
  return status === 0 && line !== undefined && line !== "" ? (JSON.parse(line) as Outcome) : undefined;
}
