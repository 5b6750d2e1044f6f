import { CallTimeoutError, RemoteError, Root } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { setTimeout as sleep } from "node:timers/promises";

class Clerk extends Root {
  readonly #notes: string[] = [];

  remote_note(text: string) {
    this.#notes.push(text);
    return this.#notes.length;
  }

  async remote_search(text: string) {
    await sleep(50);
    return this.#notes.filter((note) => note.includes(text));
  }

  secret() {
    return "no prefix, no call";
  }
}

const { client } = await connectedPair({ root: new Clerk() });
const clerk = await client.getRootObject<Clerk>();

console.log(await clerk.callRemote("note", "buy apples"));
console.log(await clerk.call.note("buy pears")); // the same, as a function
clerk.sendRemote("note", "buy plums"); // no answer, not even an error

const note = clerk.call.note; // one method, to hand on
console.log(await note("eat apples"));

try {
  await clerk.with({ timeoutMs: 5 }).callRemote("search", "apples");
} catch (error) {
  console.log(error instanceof CallTimeoutError, (error as Error).message);
}

const enough = new AbortController();
const search = clerk.with({ signal: enough.signal }).callRemote("search", "apples");
enough.abort(new Error("never mind"));
console.log(await search.catch(String));

// @ts-expect-error -- not a method that can be called
const refused = await clerk.callRemote("secret").catch((error: unknown) => error);
console.log(refused instanceof RemoteError && refused.message);
