// A Buildbot worker: main.ts tcp:HOST:PORT NAME PASSWORD [--basedir FOLDER] [--keepalive SECONDS] [--maxdelay SECONDS]
// SIGTERM and SIGINT stop it immediately. SIGHUP stops it when its running builds are complete.

import { parseArgs } from "node:util";
import { Worker } from "./worker.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    basedir: { type: "string", default: "." },
    keepalive: { type: "string", default: "600" },
    maxdelay: { type: "string", default: "300" },
  },
});
const [master, name, password] = positionals;
if (master === undefined || name === undefined || password === undefined) {
  console.error("usage: main.ts tcp:HOST:PORT NAME PASSWORD [--basedir FOLDER] [--keepalive S] [--maxdelay S]");
  process.exit(2);
}

const worker = new Worker({
  master,
  name,
  password,
  basedir: values.basedir,
  keepalive: Number(values.keepalive),
  maxDelay: Number(values.maxdelay),
  log: (text) => console.log(text),
});
process.on("SIGTERM", () => void worker.close());
process.on("SIGINT", () => void worker.close());
process.on("SIGHUP", () => void worker.shutdown());

const cause = await worker.stopped;
console.log(cause === undefined ? "stopped" : `stopped: ${String(cause)}`);
process.exitCode = cause === undefined ? 0 : 1;
