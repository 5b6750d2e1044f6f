// Lets a worker compute: npx tsx client.ts

import { Worker } from "node:worker_threads";
import { Referenceable } from "@pb/broker";
import { connect } from "@pb/web-transport";
import type { Primes } from "./worker.js";

export class Progress extends Referenceable {
  remote_at(number: number) {
    console.log(`at ${number}`);
  }
}

const worker = new Worker(new URL("./start-worker.mjs", import.meta.url));
const connection = await connect(worker);
const primes = await connection.getRootObject<Primes>();
console.log(await primes.callRemote("count", 100_000, new Progress()), "primes");
await connection.close();
await worker.terminate();
