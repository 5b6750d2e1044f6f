import { kwargs, Root } from "@pb/broker";
import type { KwargsOf, Parameters } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";

class Library extends Root {
  // In Python: def remote_find(self, id, title="any", *, limit=10)
  static readonly parameters: Parameters = { find: ["id", "title?", "*", "limit?"] };

  remote_find(id: number, title = "any", limit = 10) {
    return `${id}, ${title}, at most ${limit}`;
  }

  // Not declared: takes what comes, keyword arguments as one last argument.
  remote_order(id: number, how?: KwargsOf<{ urgent?: boolean }>) {
    return `${id}, ${how?.urgent === true ? "today" : "some day"}`;
  }
}

const { client } = await connectedPair({ root: new Library() });
const library = await client.getRootObject<Library>();
console.log(await library.callRemote("find", 12, "Dune"));
console.log(await library.callRemote("find", 12, kwargs({ limit: 3 })));
console.log(await library.callRemote("order", 12, kwargs({ urgent: true })));

const untyped = await client.getRootObject(); // any method, any arguments: what a Python caller can do
console.log(await untyped.callRemote("find", kwargs({ id: 12, limit: 3 })));
const misspelt = untyped.callRemote("find", 12, kwargs({ titel: "Dune" }));
console.log(await misspelt.catch(String));
