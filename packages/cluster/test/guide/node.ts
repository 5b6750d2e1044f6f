// One node. A real program gets the engine from natsEngine(), and the secret from its environment.
import { Referenceable, Root } from "@pb/broker";
import { Cluster } from "@pb/cluster";
import type { ClusterEngine, ClusterLive, HomeState, NodeAvatar } from "@pb/cluster";
import { BearerToken, BearerTokenChecker, login, Portal } from "@pb/cred";
import { listen, reconnecting } from "@pb/node-transport";

interface BoardState {
  readonly cards: Readonly<Record<string, string>>;
}

/** Its methods run on one node: the home of the board. */
class BoardMethods extends Referenceable {
  readonly #board: HomeState<BoardState>;

  constructor(board: HomeState<BoardState>) {
    super();
    this.#board = board;
  }

  async remote_add(id: string, text: string) {
    await this.#board.update((draft) => {
      draft.cards[id] = text; // Resolves when it is written: from then on, it survives the end of this node.
    });
  }
}

/** What clients call, on any node. */
export class Office extends Root {
  readonly #board: ClusterLive<BoardState, BoardMethods>;

  constructor(board: ClusterLive<BoardState, BoardMethods>) {
    super();
    this.#board = board;
  }

  remote_board() {
    return this.#board; // The caller gets a LiveView, as of a Live.
  }

  remote_add(id: string, text: string) {
    return this.#board.call.add(id, text); // Runs at the home.
  }
}

export async function startNode(node: string, engine: ClusterEngine, secret: string) {
  // The other nodes log in here. They can call everything, so they need a secret. Between hosts, use TLS, and leave out
  // `bearer: "any"` and `allowUnencryptedToken`.
  const checker = new BearerTokenChecker((token) => (token === secret ? "node" : undefined));
  const realm = { requestAvatar: () => ({ avatar: cluster.avatar }) };
  const portal = new Portal(realm, [checker], { policy: { bearer: "any" } });
  const nodes = await listen("tcp:0:interface=127.0.0.1", portal);

  const cluster: Cluster = new Cluster({
    engine,
    node,
    address: `tcp:127.0.0.1:${nodes.port}`,
    connect: (address) =>
      reconnecting<NodeAvatar>(address, {
        login: (connection) =>
          login<NodeAvatar>(connection, new BearerToken(secret), null, { allowUnencryptedToken: true }),
      }),
  });
  const board = cluster.live<BoardState, BoardMethods>("board", { cards: {} }, (state) => new BoardMethods(state));
  await board.ready();
  const clients = await listen("tcp:0:interface=127.0.0.1", new Office(board));

  const close = async (): Promise<void> => {
    await clients.close();
    await cluster.close(); // Another node takes over at once.
    await nodes.close();
  };
  return { cluster, board, endpoint: `tcp:127.0.0.1:${clients.port}`, close };
}
