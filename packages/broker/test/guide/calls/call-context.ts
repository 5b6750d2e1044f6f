import { callContext, Root } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { setTimeout as sleep } from "node:timers/promises";

class Archive extends Root {
  stopped = "";

  async remote_search(text: string) {
    const { signal } = callContext();
    try {
      await sleep(60_000, undefined, { signal });
    } catch {
      this.stopped = text;
    }
  }
}

const archive = new Archive();
const pair = await connectedPair({ root: archive });
const remote = await pair.client.getRootObject<Archive>();

const controller = new AbortController();
const search = remote.with({ signal: controller.signal }).callRemote("search", "pears");
await pair.settled();
controller.abort(new Error("The user left the page"));
console.log(await search.catch(String));
await pair.settled();
console.log("The server has stopped the search for", archive.stopped);
