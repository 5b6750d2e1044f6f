/** npm run matrix [-- NODE…]: tests every Node from version 20 on against every Twisted that is available here. */

import { spawnSync } from "node:child_process";
import { findTwisted, noTwisted } from "../twisted/twisted.js";
import { linesFromNpm, report } from "./report.js";

const nodeVersions = ["20", "22", "24", "26"];
const wanted = process.argv.length > 2 ? process.argv.slice(2) : nodeVersions;
const twisteds = (["22.4", "26.4"] as const).flatMap((version) => findTwisted(version) ?? []);
if (twisteds.length === 0) throw new Error(noTwisted);

const rows: string[][] = [];
for (const version of wanted) {
  const node = nodeOf(version);
  if (node === undefined) {
    console.error(`Node ${version} is not available: npm cannot install it.`);
    process.exitCode = 1;
    continue;
  }
  const name = `Node ${spawnSync(node, ["--version"], { encoding: "utf8" }).stdout.trim().slice(1)}`;
  rows.push([name, ...twisteds.map((twisted) => runCell(node, twisted.python, twisted.version))]);
}
report([["", ...twisteds.map(({ version }) => `Twisted ${version}`)], ...rows], {
  page: new URL("TABLE.md", import.meta.url),
  text: `# Interop matrix

Every check of the interop contract (\`tools/interop\`): our server with Twisted's client and our client with Twisted's
server, with and without logins, in both dialects. The numbers are checks that passed. Known failures and their reasons
are in \`tools/interop/known-failures.json\`. \`npm run matrix\` runs all of it and writes this page.`,
  isComplete: twisteds.length === 2 && rows.length === nodeVersions.length,
});

/** The path of this Node, or of one that npm installs. */
function nodeOf(version: string): string | undefined {
  if (process.versions.node.startsWith(`${version}.`)) return process.execPath;
  const [path, installed] = linesFromNpm(`node@${version}`, "node -p process.execPath && node --version") ?? [];
  return installed?.startsWith(`v${version}.`) === true ? path : undefined;
}

/** Runs all checks of one Node against one Twisted, and returns the cell of the table. */
function runCell(node: string, python: string, version: string): string {
  const args = ["--import", "tsx", "--conditions=@pb/source", "tools/matrix/cell.ts", python, version];
  const { status, stdout } = spawnSync(node, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    timeout: 600_000,
  });
  if (status !== 0) process.exitCode = 1;
  const cell = stdout.trim().split("\n").at(-1);
  return cell === undefined || cell === "" ? "**failed to run**" : cell;
}
