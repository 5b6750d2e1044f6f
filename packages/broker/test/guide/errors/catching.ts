import { PerspectiveBrokerError, RemoteError, Root } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";

class Store extends Root {
  remote_save(_value: unknown) {
    return new Promise<void>(() => undefined); // never finishes
  }
}

const { client } = await connectedPair({ root: new Store() });
const store = await client.getRootObject();

async function report(call: Promise<unknown>) {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof PerspectiveBrokerError)) throw error; // not an error of these packages
    console.log(error.code, error instanceof RemoteError ? error.remoteType : error.message);
  }
}

await report(store.callRemote("save", () => "a function"));
await report(store.callRemote("remove"));
await report(store.with({ timeoutMs: 10 }).callRemote("save", 1));
const pending = report(store.callRemote("save", 2));
await client.close();
await pending;
await report(store.callRemote("save", 3));
