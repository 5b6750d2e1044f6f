/** npm run matrix [-- NODE…]: runs the interop tests with every Node from version 20 on and every Twisted. */

import { findTwisted, noTwisted } from "../twisted/twisted.js";
import { linesFromNpm, runTests, showTable } from "./test-table.js";

const nodeVersions = ["20", "22", "24", "26"];

const twisteds = (["22.4", "26.4"] as const).flatMap((version) => findTwisted(version) ?? []);
if (twisteds.length === 0) throw new Error(noTwisted);

const rows: string[][] = [];
for (const version of process.argv.length > 2 ? process.argv.slice(2) : nodeVersions) {
  const isThisNode = process.versions.node.startsWith(`${version}.`);
  const [path, name] = isThisNode
    ? [process.execPath, process.version]
    : (linesFromNpm(`node@${version}`, "node -p process.execPath && node --version") ?? []);
  if (path === undefined || name?.startsWith(`v${version}.`) !== true) {
    process.exitCode = 1;
    continue;
  }
  const cells = twisteds.map((twisted) =>
    runTests([path], ["tools/interop/", "-t", `Twisted ${twisted.version}`], { PB_PYTHON: twisted.python }),
  );
  rows.push([`Node ${name.slice(1)}`, ...cells]);
}

const text = `# Interop matrix

The tests of the interop contract (\`tools/interop\`): our server with Twisted's client and our client with Twisted's server,
with and without logins, in both dialects. Each test makes 12 to 34 checks, 178 in all. Known failures and their reasons are
in \`tools/interop/known-failures.json\`. \`npm run matrix\` runs all of it and writes this page.`;
const head = ["", ...twisteds.map(({ version }) => `Twisted ${version}`)];
showTable([head, ...rows], new URL("TABLE.md", import.meta.url), text, nodeVersions.length);
