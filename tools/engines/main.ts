/** npm run engines [-- bun deno]: runs the tests of the portable packages in engines that are not Node. */

import { linesFromNpm, runTests, showTable } from "../matrix/test-table.js";

/** The flags with which each engine runs a program. */
const engines: Record<string, readonly string[]> = { bun: ["--bun"], deno: ["run", "--allow-all"] };

const packages = ["banana", "jelly-types", "broker", "cred"];
/** Tests of V8's counters, of the texts of V8's errors, and of Node's sockets. */
const excluded = [
  "--exclude=**/{work,complexity}.test.ts",
  "--exclude=packages/broker/**/docs.test.ts",
  "--exclude=packages/cred/**/transport.test.ts",
];

const rows: string[][] = [];
for (const engine of process.argv.length > 2 ? process.argv.slice(2) : Object.keys(engines)) {
  const [path, printed] = linesFromNpm(engine, `command -v ${engine} && ${engine} --version`) ?? [];
  const version = /\d+\.\d+\.\d+/.exec(printed ?? "")?.[0];
  if (path === undefined || version === undefined) {
    process.exitCode = 1;
    continue;
  }
  const cells = packages.map((name) => runTests([path, ...engines[engine]!], [`packages/${name}/`, ...excluded]));
  rows.push([`${engine} ${version}`, ...cells]);
}

const text = `# Other engines

The tests of the portable packages in engines that are not Node, some of them with Twisted as the peer, as on Node. Tests of
V8's counters, of the texts of V8's errors, and of logins over TLS are excluded. That the packages need nothing of Node, as
in a browser, is shown by their tests \`portable.test.ts\` and by \`npm run checks -- layering\`. \`npm run engines\` runs the
tests and writes this page.`;
const head = ["", ...packages.map((name) => `@pb/${name}`)];
showTable([head, ...rows], new URL("TABLE.md", import.meta.url), text, Object.keys(engines).length);
