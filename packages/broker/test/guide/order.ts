import { Referenceable, Root } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { setTimeout as sleep } from "node:timers/promises";

class Listener extends Referenceable {
  remote_told(what: string) {
    console.log(`told: ${what}`);
  }
}

class Kitchen extends Root {
  async remote_slow() {
    console.log("slow starts");
    await sleep(20);
    return "slow";
  }

  remote_quick(listener: RemoteReference<Listener>) {
    console.log("quick starts");
    listener.sendRemote("told", "before the answer");
    return "quick";
  }

  remote_both() {
    return [sleep(5, "first"), "second"]; // promises in a result are waited for
  }
}

const { client } = await connectedPair({ root: new Kitchen() });
const kitchen = await client.getRootObject<Kitchen>();
const answers = [kitchen.callRemote("slow"), kitchen.callRemote("quick", new Listener())];
for (const answer of answers) void answer.then((text) => console.log(`answer: ${text}`));
await Promise.all(answers);
console.log(await kitchen.callRemote("both"));
