/** npm run matrix [-- NODE…]: runs the interop tests with every Node from version 20 on and every Twisted. */

import { findTwisted, noTwisted } from "../twisted/twisted.js";
import { linesFromNpm, showTestTable } from "./test-table.js";

const twisteds = (["22.4", "26.4"] as const).flatMap((version) => findTwisted(version) ?? []);
if (twisteds.length === 0) throw new Error(noTwisted);

showTestTable({
  programs: ["20", "22", "24", "26"],
  find(version) {
    const [path, name] = process.version.startsWith(`v${version}.`)
      ? [process.execPath, process.version]
      : linesFromNpm(`node@${version}`, "node -p process.execPath && node --version");
    if (path === undefined || name?.startsWith(`v${version}.`) !== true) return undefined;
    return { name: `Node ${name.slice(1)}`, command: [path] };
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
