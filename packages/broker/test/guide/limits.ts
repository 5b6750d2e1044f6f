import { Root } from "@pb/broker";
import type { BrokerLimits } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";

class Store extends Root {
  remote_size(data: Uint8Array | { counts: bigint[] }) {
    return data instanceof Uint8Array ? data.length : data.counts.length;
  }

  remote_everything() {
    return { rows: [new Uint8Array(700_000)] };
  }

  remote_wait() {
    return new Promise<void>(() => undefined);
  }
}

const limits: Partial<BrokerLimits> = { callsWaiting: 2 };
const { client } = await connectedPair({ root: new Store() }, { limits });
const store = await client.getRootObject<Store>();
const say = (error: unknown) => console.log(String(error));

// What a Twisted peer would hang up on is refused here, with the way to it.
await store.callRemote("size", new Uint8Array(655_361)).catch(say);
await store.callRemote("size", { counts: [1n, 2n ** 448n] }).catch(say);
await store.callRemote("everything").catch(say);

const first = store.callRemote("wait").catch(say);
const second = store.callRemote("wait").catch(say);
await store.callRemote("size", new Uint8Array(1)).catch(say); // two of our calls wait already
await client.close();
await Promise.all([first, second]);
