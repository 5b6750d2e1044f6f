// A worker of node:cluster, and its primary process: worker.ts ENDPOINT WORKERS. Each worker answers with its number.
// The primary prints "listening" or the error of each worker, and stops a worker for each line that it reads.

import cluster from "node:cluster";
import type { Worker } from "node:cluster";
import { createInterface } from "node:readline";
import { Root } from "@pb/broker";
import { listen } from "@pb/node-transport";

class Numbered extends Root {
  remote_worker(): number {
    return cluster.worker!.id;
  }
}

const [endpoint = "", count = ""] = process.argv.slice(2);
if (cluster.isPrimary) {
  const workers = Array.from({ length: Number(count) }, () => cluster.fork());
  for (const worker of workers) worker.on("message", (message) => console.log(message));
  for await (const _line of createInterface(process.stdin)) stop(workers.shift());
} else {
  try {
    const server = await listen(endpoint, new Numbered());
    process.on("message", () => void server.close().then(() => process.exit()));
    process.send!(`listening ${server.address.path ?? server.port}`);
  } catch (error) {
    process.send!(String(error));
  }
}

function stop(worker: Worker | undefined): void {
  worker?.once("exit", () => console.log("stopped")).send("stop");
}
