import { MemoryStore, Publishable, RemotePublished, remotePublished, Root } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";

// The class of the sender.
class Atlas extends Publishable {
  static readonly remoteType = "maps.Atlas";
  readonly #rivers = ["Rhine", "Elbe"];

  getStateToPublishFor() {
    console.log("(the server sends the state)");
    return { rivers: this.#rivers };
  }

  add(river: string) {
    this.#rivers.push(river);
    this.republish(); // marks the state as changed
  }
}

// The class of the receiver.
class AtlasCopy extends RemotePublished {
  declare readonly rivers: readonly string[];
}

class MapServer extends Root {
  readonly atlas = new Atlas("atlas-1");

  remote_atlas() {
    return this.atlas;
  }
}

interface MapServerCalls {
  atlas(): AtlasCopy;
}

const root = new MapServer();
const store = new MemoryStore(); // a store on disk keeps the state for the next process
const scope = "maps.example alice"; // the server and the user whose states these are
const types = new TypeRegistry().register(remotePublished("maps.Atlas", AtlasCopy, store, scope));

for (const connection of [1, 2, 3]) {
  const { client } = await connectedPair({ root }, { types });
  const maps = await client.getRootObject<MapServerCalls>();
  const atlas = await maps.call.atlas();
  await atlas.activated; // the state has been read from the store or received from the server
  const source = atlas.wasKept ? "store" : "server";
  console.log(`connection ${connection}, state from the ${source}: ${atlas.rivers.join(", ")}`);
  await client.close();
  if (connection === 2) root.atlas.add("Oder");
}
