// npm run engines [-- bun deno]: the tests of the packages that are not for Node alone, in other engines. Prints the table, and writes TABLE.md
// when all of them ran.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { linesFromNpm } from "../npm-program.js";
import { page, table } from "./engines.js";
import type { Row } from "./engines.js";

/** How each runs a program. npm brings them. */
const engines = {
  bun: ["bun", "--bun"],
  deno: ["deno", "run", "--allow-all"],
} satisfies Record<string, readonly string[]>;
type Engine = keyof typeof engines;

const packages = ["banana", "jelly-types", "broker", "cred"];
/** Tests of V8's own counters, of what V8 says of an error, and of sockets as Node has them. */
const notPortable = ["**/work.test.ts", "packages/broker/test/docs.test.ts", "packages/cred/test/transport.test.ts"];

const root = fileURLToPath(new URL("../../", import.meta.url));
const reports = mkdtempSync(join(tmpdir(), "pb-engines-"));
const all = Object.keys(engines) as Engine[];
const wanted = process.argv.length > 2 ? (process.argv.slice(2) as Engine[]) : all;

const rows = wanted.flatMap((engine) => rowOf(engine) ?? []);
rmSync(reports, { recursive: true });
console.log(table(packages, rows));
if (rows.length === all.length) {
  writeFileSync(new URL("TABLE.md", import.meta.url), page(packages, rows, new Date().toISOString().slice(0, 10)));
}
if (rows.some(({ cells }) => cells.some(({ failed }) => failed.length > 0))) process.exitCode = 1;

/** Undefined, and a line on stderr, where npm cannot bring the engine. */
function rowOf(engine: Engine): Row | undefined {
  const [name, ...flags] = engines[engine];
  const [path, said] = linesFromNpm(name!, `command -v ${name!} && ${name!} --version`) ?? [];
  const version = /\d+\.\d+\.\d+/.exec(said ?? "")?.[0];
  if (path === undefined || version === undefined) {
    console.error(`NO ${engine.toUpperCase()} HERE: npm cannot bring it.`);
    process.exitCode = 1;
    return undefined;
  }
  return { engine: `${engine[0]!.toUpperCase()}${engine.slice(1)} ${version}`, cells: packages.map(cellOf) };

  function cellOf(folder: string) {
    const report = join(reports, `${engine}-${folder}.json`);
    const reporters = ["--reporter=json", `--outputFile=${report}`, "--typecheck.enabled=false"];
    const excluded = notPortable.map((glob) => `--exclude=${glob}`);
    const vitest = join(root, "node_modules/vitest/vitest.mjs");
    const args = [...flags, vitest, "run", `packages/${folder}/`, ...reporters, ...excluded];
    spawnSync(path!, args, { cwd: root, stdio: ["ignore", "ignore", "inherit"], timeout: 600_000 });
    const { numPassedTests, testResults } = JSON.parse(readFileSync(report, "utf8")) as Report;
    const failed = testResults.flatMap(({ name, status, assertionResults }) => {
      const tests = assertionResults.filter((test) => test.status === "failed").map(({ fullName }) => fullName);
      return status === "failed" && tests.length === 0 ? [name] : tests;
    });
    for (const each of failed) console.error(`${engine}, ${folder}: ${each}`);
    return { passed: numPassedTests, failed };
  }
}

/** What of vitest's report matters here. */
interface Report {
  readonly numPassedTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}
