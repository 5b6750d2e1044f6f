import { Avatar, Root } from "@pb/broker";
import type { Perspective } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";
import { Live, liveView } from "@pb/live";
import type { LiveView } from "@pb/live";

interface Table {
  readonly pot: number;
  readonly hands: Readonly<Record<string, readonly string[]>>;
}

interface View {
  readonly pot: number;
  readonly hand: readonly string[];
}

class Poker extends Live<Table, View> {
  // Which view a player gets. Players with the same key share one.
  override viewKey(player: Perspective) {
    return player instanceof Player ? player.name : "audience";
  }

  override viewOf(name: string, { pot, hands }: Table) {
    return { pot, hand: hands[name] ?? [] };
  }
}

const table = new Poker({ pot: 0, hands: { ann: ["A♠", "A♥"], bob: ["2♣", "7♦"] } });

class Player extends Avatar {
  constructor(readonly name: string) {
    super();
  }

  perspective_table() {
    return table;
  }
}

class Casino extends Root {
  remote_join(name: string) {
    return new Player(name); // see @pb/cred for real logins
  }
}

const types = new TypeRegistry().register(liveView());
for (const name of ["ann", "bob", "eve"]) {
  const pair = await connectedPair({ root: new Casino() }, { types });
  const casino = await pair.client.getRootObject<Casino>();
  const player = await casino.call.join(name);
  const view = (await player.callRemote("table")) as unknown as LiveView<View>;
  table.update((draft) => {
    draft.pot += 10;
  });
  await pair.settled();
  console.log(name, view.getSnapshot());
  await pair.close();
}
