// One node of the fault tests: prints "ready", and "NUMBER" for each update that was written.

import { Referenceable, Root } from "@pb/broker";
import { Cluster } from "@pb/cluster";
import type { ClusterLive, HomeState } from "@pb/cluster";
import { natsEngine } from "@pb/cluster/nats";
import { listen } from "@pb/node-transport";
import { MOST_TICKS, OBJECT } from "./ticks.js";
import type { NodeOptions, Ticks } from "./ticks.js";

const { name, nats, leaseMs, endpoint, updateMs, replicas } = JSON.parse(process.argv[2]!) as NodeOptions;

/** Updates the state while this node is home. */
class Clock extends Referenceable {
  constructor(home: HomeState<Ticks>) {
    super();
    void this.#run(home);
  }

  async #run(home: HomeState<Ticks>): Promise<void> {
    let number = home.state.items.at(-1)?.[1] ?? 0;
    while (!home.signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, updateMs));
      number++;
      const tick = [name, number, Date.now()] as const;
      try {
        await home.update((draft) => {
          draft.items.push([...tick]);
          if (draft.items.length > MOST_TICKS) draft.items.splice(0, MOST_TICKS / 2);
        });
        console.log(number);
      } catch {
        return; // Another node is home.
      }
    }
  }
}

const engine = await natsEngine({ servers: nats, leaseMs, replicas });
const cluster = new Cluster({ engine, node: name, onError: (error) => console.error(error) });
const ticks = cluster.live<Ticks, Clock>(OBJECT, { items: [] }, (home) => new Clock(home));
await ticks.ready();

class Service extends Root {
  remote_ticks(): ClusterLive<Ticks, Clock> {
    return ticks;
  }
}

await listen(endpoint, new Service());
console.log("ready");
