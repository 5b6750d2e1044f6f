// npm run interop: judges both halves against every Twisted there is. With `server` or `client`, runs one half of ours alone.

import { parseArgs } from "node:util";
import { runChecks } from "./client.js";
import { judgeAll } from "./judge.js";
import { startServer } from "./server.js";

const USAGE = `usage: npm run --silent interop                                both halves against every Twisted on this machine
       npm run --silent interop -- server --port N [--portal]  our server alone, until it is stopped
       npm run --silent interop -- client --port N [--portal] [--host H] [--dialect pb|none] [--only a,b] [--skip a,b] [--list]`;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    port: { type: "string" },
    host: { type: "string", default: "127.0.0.1" },
    portal: { type: "boolean", default: false },
    dialect: { type: "string", default: "pb" },
    only: { type: "string", default: "" },
    skip: { type: "string", default: "" },
    list: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
const variant = options.portal ? "portal" : "root";
const names = (text: string): string[] => text.split(",").filter((name) => name !== "");

if (options.help) {
  console.log(USAGE);
} else if (positionals.length === 0) {
  process.exitCode = (await judgeAll((line) => console.log(line))) ? 0 : 1;
} else if (positionals[0] === "server" && options.port !== undefined) {
  const server = await startServer(variant, Number(options.port));
  console.log(JSON.stringify({ listening: server.port, variant }));
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void server.close().then(() => process.exit(0)));
  }
} else if (positionals[0] === "client" && (options.port !== undefined || options.list)) {
  const { host, dialect, list } = options;
  const only = names(options.only);
  const skip = names(options.skip);
  const target = { host, port: Number(options.port), dialect: dialect === "none" ? "none" : "pb" } as const;
  process.exitCode = await runChecks(variant, target, { only, skip, list, print: (line) => console.log(line) });
} else {
  console.error(USAGE);
  process.exitCode = 2;
}
