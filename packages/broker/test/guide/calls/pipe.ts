import { Referenceable, RemoteError, Root } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";

class Shelf extends Referenceable {
  remote_count() {
    return 42;
  }
}

class Library extends Root {
  remote_shelf(name: string) {
    if (name !== "poetry") throw new Error(`no shelf ${name}`);
    return new Shelf();
  }
}

const { client } = await connectedPair({ root: new Library(), onEvent: () => undefined });
const library = await client.getRootObject<Library>();

console.log(await library.pipe("shelf", "poetry").call.count()); // one round trip

try {
  await library.pipe("shelf", "maps").call.count();
} catch (error) {
  if (error instanceof RemoteError) console.log(String(error.cause));
}
