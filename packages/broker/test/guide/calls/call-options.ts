import { CallTimeoutError, Root } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { setTimeout as sleep } from "node:timers/promises";

class Archive extends Root {
  async remote_search(text: string) {
    await sleep(50);
    return [`a document about ${text}`];
  }
}

const { client } = await connectedPair({ root: new Archive() });
const archive = await client.getRootObject<Archive>();

try {
  await archive.with({ timeoutMs: 5 }).call.search("apples");
} catch (error) {
  if (error instanceof CallTimeoutError) console.log(error.message);
}

const controller = new AbortController();
const search = archive.with({ signal: controller.signal }).callRemote("search", "pears");
controller.abort(new Error("The user left the page"));
console.log(await search.catch(String));

const slowArchive = archive.with({ timeoutMs: 60_000 }); // the options apply to every call through this object
console.log(await slowArchive.call.search("plums"));
