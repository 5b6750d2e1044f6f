import { Referenceable, Root } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { setTimeout as sleep } from "node:timers/promises";

class ProgressListener extends Referenceable {
  remote_progress(percent: number) {
    console.log(`progress: ${percent} %`);
  }
}

class Worker extends Root {
  async remote_slow() {
    console.log("slow starts");
    await sleep(20);
    return "result of slow";
  }

  remote_quick(listener: RemoteReference<ProgressListener>) {
    console.log("quick starts");
    listener.sendRemote("progress", 100); // arrives before the result
    return "result of quick";
  }

  remote_both() {
    return [sleep(5, "a"), "b"]; // the broker waits for promises in a result
  }
}

const { client } = await connectedPair({ root: new Worker() });
const worker = await client.getRootObject<Worker>();
await Promise.all([
  worker.call.slow().then((result) => console.log(result)),
  worker.call.quick(new ProgressListener()).then((result) => console.log(result)),
]);
console.log(await worker.call.both());
