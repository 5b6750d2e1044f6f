import { kwargs, Root } from "@pb/broker";
import type { KwargsOf, Parameters } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";

class Library extends Root {
  // In Python: def remote_find(self, id, title="any", *, limit=10)
  static readonly parameters: Parameters = { find: ["id", "title?", "*", "limit?"] };

  remote_find(id: number, title = "any", limit = 10) {
    return `id ${id}, title ${title}, limit ${limit}`;
  }

  // Not declared: keyword arguments arrive as one last argument.
  remote_order(id: number, options?: KwargsOf<{ urgent?: boolean }>) {
    return `id ${id}, ${options?.urgent === true ? "urgent" : "not urgent"}`;
  }
}

const { client } = await connectedPair({ root: new Library() });
const library = await client.getRootObject<Library>();
console.log(await library.call.find(12, "Dune"));
console.log(await library.call.find(12, kwargs({ limit: 3 })));
console.log(await library.call.order(12, kwargs({ urgent: true })));

const untyped = await client.getRootObject(); // any method and any arguments, as in Python
console.log(await untyped.callRemote("find", kwargs({ id: 12, limit: 3 })));
console.log(await untyped.callRemote("find", 12, kwargs({ titel: "Dune" })).catch(String));
