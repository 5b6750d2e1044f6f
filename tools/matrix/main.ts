/** npm run matrix [-- NODE…]: runs the interop tests with every Node from version 20 on and every Twisted. */

import { findTwisted, noTwisted } from "../twisted/twisted.js";
import { programFromNpm, showTestTable } from "./test-table.js";

const twisteds = (["22.4", "26.4"] as const).flatMap((version) => findTwisted(version) ?? []);
if (twisteds.length === 0) throw new Error(noTwisted);

showTestTable({
  programs: ["20", "22", "24", "26"],
  find(version) {
    const own = { path: process.execPath, version: process.versions.node };
    const found = own.version.startsWith(`${version}.`) ? own : programFromNpm(`node@${version}`, "node");
    if (found?.version.startsWith(`${version}.`) !== true) return undefined;
    return { name: `Node ${found.version}`, command: [found.path] };
  },
  columns: Object.fromEntries(
    twisteds.map(({ version, python }) => [
      `Twisted ${version}`,
      { args: ["tools/interop/", "-t", `Twisted ${version}`], env: { PB_PYTHON: python } },
    ]),
  ),
  page: new URL("TABLE.md", import.meta.url),
  text: `# Interop matrix

The tests of the interop contract (\`tools/interop\`): our server with Twisted's client and our client with Twisted's server,
with and without logins, in both dialects. Each test makes 12 to 34 checks, 178 in all. Known failures and their reasons are
in \`tools/interop/known-failures.json\`. \`npm run matrix\` runs all of it and writes this page.`,
});
