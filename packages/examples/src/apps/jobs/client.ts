// Puts three jobs into the queue, and cancels two of them: npx tsx client.ts

import { Referenceable } from "@pb/broker";
import { connect } from "@pb/node-transport";
import type { Queue } from "./server.js";

export class Watcher extends Referenceable {
  constructor(readonly onProgress: () => void = () => undefined) {
    super();
  }

  remote_progress(text: string) {
    console.log(text);
    this.onProgress();
  }
}

await using connection = await connect("tcp:127.0.0.1:8787");
const queue = await connection.getRootObject<Queue>();

const controller = new AbortController();
const cancelable = queue.with({ signal: controller.signal });
const jobs = [
  queue.callRemote("run", "resize", 2, new Watcher()),
  cancelable.callRemote("run", "upload", 1000, new Watcher(() => controller.abort(new Error("The user has left")))),
  cancelable.callRemote("run", "clean up", 1000, new Watcher()), // canceled before it begins
  queue.callRemote("run", "mail", 1, new Watcher()),
];
for (const job of jobs) console.log(await job.catch(String));
