/** npm run engines [-- bun deno]: runs the tests of the portable packages in engines that are not Node. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { linesFromNpm, report } from "../matrix/report.js";

/** The flags with which each engine, installed by npm, runs a program. */
const engines: Record<string, readonly string[]> = { bun: ["--bun"], deno: ["run", "--allow-all"] };

const packages = ["banana", "jelly-types", "broker", "cred"];
/** Tests of V8's counters, of the texts of V8's errors, and of Node's sockets. */
const excluded = [
  "**/{work,complexity}.test.ts",
  "packages/broker/test/docs.test.ts",
  "packages/cred/test/transport.test.ts",
];

/** The part of vitest's JSON report that is used here. */
interface Report {
  readonly numPassedTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

const folder = mkdtempSync(join(tmpdir(), "pb-engines-"));
const rows: string[][] = [];
for (const engine of process.argv.length > 2 ? process.argv.slice(2) : Object.keys(engines)) {
  const [path, printed] = linesFromNpm(engine, `command -v ${engine} && ${engine} --version`) ?? [];
  const version = /\d+\.\d+\.\d+/.exec(printed ?? "")?.[0];
  if (path === undefined || version === undefined) {
    console.error(`${engine} is not available: npm cannot install it.`);
    process.exitCode = 1;
    continue;
  }
  rows.push([`${engine} ${version}`, ...packages.map((name) => runCell(engine, path, name))]);
}
rmSync(folder, { recursive: true });

report([["", ...packages.map((name) => `@pb/${name}`)], ...rows], {
  page: new URL("TABLE.md", import.meta.url),
  text: `# Other engines

The tests of the portable packages in engines that are not Node, some of them with Twisted as the peer, as on Node. Tests of
V8's counters, of the texts of V8's errors, and of logins over TLS are excluded. That the packages need nothing of Node, as
in a browser, is shown by their tests \`portable.test.ts\` and by \`npm run checks -- layering\`. \`npm run engines\` runs the
tests and writes this page.`,
  isComplete: rows.length === Object.keys(engines).length,
});

/** Runs the tests of one package in one engine, and returns the cell of the table. */
function runCell(engine: string, path: string, name: string): string {
  const file = join(folder, `${engine}-${name}.json`);
  const args = ["node_modules/vitest/vitest.mjs", "run", `packages/${name}/`, "--typecheck.enabled=false"];
  args.push("--reporter=json", `--outputFile=${file}`, ...excluded.map((glob) => `--exclude=${glob}`));
  spawnSync(path, [...engines[engine]!, ...args], { stdio: ["ignore", "ignore", "inherit"], timeout: 600_000 });
  const { numPassedTests, testResults } = JSON.parse(readFileSync(file, "utf8")) as Report;
  const failed = testResults.flatMap(({ name: testFile, status, assertionResults }) => {
    const tests = assertionResults.filter((test) => test.status === "failed").map(({ fullName }) => fullName);
    return status === "failed" && tests.length === 0 ? [testFile] : tests; // a file that could not be loaded
  });
  for (const test of failed) console.error(`${engine}, ${name}: ${test}`);
  if (failed.length > 0) process.exitCode = 1;
  return failed.length === 0 ? `${numPassedTests} pass` : `${numPassedTests} pass, **${failed.length} fail**`;
}
