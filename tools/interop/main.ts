// npm run interop: tests both halves of ours against every Twisted version. `server` or `client` runs one half alone.

import { parseArgs } from "node:util";
import { checks, runChecks } from "./client.js";
import type { Variant } from "./contract.js";
import { testAll } from "./pairings.js";
import { connectTcp, startServer } from "./tcp.js";

const USAGE = `usage: npm run --silent interop                                both halves against every Twisted on this machine
       npm run --silent interop -- server --port N [--portal]  our server alone, until it is stopped
       npm run --silent interop -- client --port N [--portal] [--host H] [--dialect pb|none] [--only a,b] [--list]`;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    port: { type: "string" },
    host: { type: "string", default: "127.0.0.1" },
    portal: { type: "boolean", default: false },
    dialect: { type: "string", default: "pb" },
    only: { type: "string", default: "" },
    list: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
const variant = options.portal ? "portal" : "root";

if (options.help) {
  console.log(USAGE);
} else if (positionals.length === 0) {
  process.exitCode = (await testAll((line) => console.log(line))) ? 0 : 1;
} else if (positionals[0] === "server" && options.port !== undefined) {
  const server = await startServer(variant, Number(options.port));
  console.log(JSON.stringify({ listening: server.port, variant }));
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void server.close().then(() => process.exit(0)));
  }
} else if (positionals[0] === "client" && options.list) {
  for (const name of Object.keys(checks[variant])) console.log(name);
} else if (positionals[0] === "client" && options.port !== undefined) {
  process.exitCode = (await runClient(variant, Number(options.port))) ? 0 : 1;
} else {
  console.error(USAGE);
  process.exitCode = 2;
}

/** Prints one line of JSON for each check, and a summary. Whether no check failed. */
async function runClient(variant: Variant, port: number): Promise<boolean> {
  const isWanted = (name: string): boolean => options.only === "" || options.only.split(",").includes(name);
  const dialect = options.dialect === "none" ? "none" : "pb";
  const target = { variant, dialect, connect: connectTcp(port, options.host) } as const;
  const summary = { ok: 0, failed: 0, skipped: Object.keys(checks[variant]).length };
  for await (const verdict of runChecks(target, isWanted)) {
    summary.skipped--;
    summary[verdict.ok ? "ok" : "failed"]++;
    console.log(JSON.stringify(verdict));
  }
  console.log(JSON.stringify({ summary }));
  return summary.failed === 0;
}
