import { Cacheable, Root } from "@pb/broker";
import type { CacheObserver, Perspective } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";
import { mapUpdates } from "@pb/live";
import type { LiveView } from "@pb/live";

interface Game {
  readonly players: Readonly<Record<string, { readonly x: number }>>;
  readonly chat: readonly string[];
}

const types = new TypeRegistry().register(
  mapUpdates<Game>("game.Game", {
    // The server calls observer.callRemote("moved", name, x).
    moved(draft, name: string, x: number) {
      draft.players[name]!.x = x;
    },
    said(draft, text: string) {
      draft.chat.push(text);
    },
  }),
);

// In place of the Python server, to run this program anywhere.
class PythonGame extends Cacheable {
  static readonly remoteType = "game.Game";

  getStateToCacheAndObserveFor(_perspective: Perspective, observer: CacheObserver) {
    setTimeout(() => {
      observer.sendRemote("moved", "ann", 5);
      observer.sendRemote("said", "hi");
    });
    return { players: { ann: { x: 1 } }, chat: [] };
  }
}

class GameServer extends Root {
  remote_game() {
    return new PythonGame();
  }
}

const { client } = await connectedPair({ root: new GameServer() }, { types });
const server = await client.getRootObject<{ game(): LiveView<Game> }>();
const game = await server.call.game();
await new Promise<void>((resolve) => game.subscribe(resolve));
console.log(game.getSnapshot());
