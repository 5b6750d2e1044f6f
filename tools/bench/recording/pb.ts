// The commands of `pb` that read recordings, from their sources. They print the largest resident set on stderr.

import { decode } from "../../../packages/cli/src/decode/decode.js";
import { stats } from "../../../packages/cli/src/decode/stats.js";
import type { CliIo } from "../../../packages/cli/src/io.js";
import { replay } from "../../../packages/cli/src/replay/replay.js";

const { stdin, stdout, stderr, env } = process;
const io: CliIo = { stdin, stdout, stderr, env, signal: new AbortController().signal };
const [command, file = "", ...args] = process.argv.slice(2);
const [as, endpoint = "", connection = ""] = args;

if (command === "decode") process.exitCode = await decode(file, {}, io);
else if (command === "stats") process.exitCode = await stats(file, { json: true }, io);
else {
  const place = as === "server" ? { as: "server" as const, listen: endpoint } : { as: "client" as const, to: endpoint };
  process.exitCode = await replay(file, { ...place, connection, timeout: "3600" }, io);
}

process.stderr.write(`PEAK ${process.resourceUsage().maxRSS}\n`);
