import { Root } from "@pb/broker";
import type { BrokerLimits } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";

class Store extends Root {
  remote_count(data: Uint8Array | { counts: (number | bigint)[] }) {
    return data instanceof Uint8Array ? data.length : data.counts.length;
  }

  remote_export() {
    return { rows: [new Uint8Array(700_000)] };
  }

  remote_wait() {
    return new Promise<void>(() => undefined); // never finishes
  }
}

const limits: Partial<BrokerLimits> = { callsWaiting: 2 };
const { client } = await connectedPair({ root: new Store() }, { limits });
const store = await client.getRootObject<Store>();
const log = (error: unknown) => console.log(String(error));

// Values that a stock Twisted peer cannot read are refused with the path to the value.
await store.call.count(new Uint8Array(655_361)).catch(log);
await store.call.count({ counts: [1n, 2n ** 448n] }).catch(log);
await store.call.export().catch(log);

const first = store.call.wait().catch(log);
const second = store.call.wait().catch(log);
await store.call.count(new Uint8Array(1)).catch(log); // a third pending call
await client.close();
await Promise.all([first, second]);
