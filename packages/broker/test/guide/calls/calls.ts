import { RemoteError, Root } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";

class Notebook extends Root {
  readonly #notes: string[] = [];

  remote_add(text: string) {
    this.#notes.push(text);
    return this.#notes.length;
  }

  remote_search(text: string) {
    return this.#notes.filter((note) => note.includes(text));
  }

  clear() {
    this.#notes.length = 0;
  }
}

const { client } = await connectedPair({ root: new Notebook() });
const notebook = await client.getRootObject<Notebook>();

console.log(await notebook.callRemote("add", "buy apples"));
console.log(await notebook.call.add("buy pears")); // does the same
notebook.sendRemote("add", "eat pears"); // the peer sends no answer
console.log(await notebook.call.search("pears"));

const { add } = notebook.call; // a function that can be passed on
console.log(await add("buy plums"));

// @ts-expect-error -- `clear` has no prefix, so a peer cannot call it
const refused = await notebook.callRemote("clear").catch((error: unknown) => error);
if (refused instanceof RemoteError) console.log(refused.message);
