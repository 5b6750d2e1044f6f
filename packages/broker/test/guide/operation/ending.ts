import { Cacheable, Referenceable, RemoteCache, remoteCache, Root } from "@pb/broker";
import type { BrokerEvent, CacheObserver, Perspective, RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";

class Score extends Cacheable {
  static readonly remoteType = "game.Score";

  getStateToCacheAndObserveFor(_perspective: Perspective, _observer: CacheObserver) {
    return { points: 0 };
  }

  override stoppedObserving() {
    console.log("stoppedObserving");
  }
}

class ScoreCopy extends RemoteCache {}

class Player extends Referenceable {
  override unreferenced() {
    console.log("unreferenced");
  }
}

class Game extends Root {
  remote_play(_player: RemoteReference<Player>, _score: unknown) {
    return new Promise<void>(() => undefined); // never finishes
  }
}

const onEvent = (event: BrokerEvent) => console.log(`onEvent: ${event.kind}`);
const types = new TypeRegistry().register(remoteCache("game.Score", ScoreCopy));
const { client, links } = await connectedPair({ root: new Game(), types }, { onEvent });
client.notifyOnDisconnect(({ reason }) => console.log(`notifyOnDisconnect: ${reason}`));
const game = await client.getRootObject<Game>();
const played = game.callRemote("play", new Player(), new Score()).catch((error: unknown) => console.log(String(error)));
await client.ping();

links.initiator.cut(); // the network fails
await played;
await game.callRemote("play", new Player(), new Score()).catch((error: unknown) => console.log(String(error)));
