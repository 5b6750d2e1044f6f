// How many bytes a call takes, of both sides together, and how many are left: two numbers on stdout. Run with --expose-gc.

import { Root } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { note } from "./calls/work.js";

class Echo extends Root {
  remote_echo(value: unknown): unknown {
    return value;
  }
}

const CALLS = 5000;
const collectGarbage = (globalThis as unknown as { gc: () => void }).gc;

const pair = await connectedPair({ root: new Echo() }, {}, { isRecorded: false });
const echo = await pair.client.getRootObject<Echo>();
async function call(times: number): Promise<void> {
  for (let left = times; left > 0; left--) await echo.callRemote("echo", note);
}

await call(20_000); // until what is hot is compiled, which takes less
collectGarbage();
const before = process.memoryUsage().heapUsed;
await call(CALLS);
const after = process.memoryUsage().heapUsed;
collectGarbage();
const left = process.memoryUsage().heapUsed;
console.log(JSON.stringify({ allocated: (after - before) / CALLS, retained: (left - before) / CALLS }));
process.exit();
