import { MemoryStore, Publishable, RemotePublished, remotePublished, Root } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";

class Atlas extends Publishable {
  static readonly remoteType = "maps.Atlas";
  readonly #rivers = ["Rhine", "Elbe"];

  getStateToPublishFor() {
    console.log("(the atlas is fetched)");
    return { rivers: this.#rivers };
  }

  add(river: string) {
    this.#rivers.push(river);
    this.republish();
  }
}

class AtlasCopy extends RemotePublished {
  declare readonly rivers: readonly string[];
}

class Maps extends Root {
  readonly atlas = new Atlas("atlas-1");

  remote_atlas() {
    return this.atlas;
  }
}

interface MapsCalls {
  atlas(): AtlasCopy;
}

const root = new Maps();
const store = new MemoryStore(); // or a folder, or IndexedDB: something with load and save
const types = new TypeRegistry().register(remotePublished("maps.Atlas", AtlasCopy, store));
for (let day = 1; day <= 3; day++) {
  const { client } = await connectedPair({ root }, { types }); // a new connection each day
  const maps = await client.getRootObject<MapsCalls>();
  const atlas = await maps.callRemote("atlas");
  await atlas.activated; // the state is there: from the store, or from the server
  console.log(`day ${day}: ${atlas.rivers.join(", ")}${atlas.wasKept ? " (kept)" : ""}`);
  await client.close();
  if (day === 2) root.atlas.add("Oder");
}
