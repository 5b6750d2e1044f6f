import { RemoteError, Root } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";

class Oven extends Root {
  remote_bake() {
    return new Promise<void>(() => undefined); // takes its time
  }
}

const limits = { callsRunning: 1, overload: "refuse" } as const;
const { client } = await connectedPair({ root: new Oven(), limits });
const oven = await client.getRootObject<Oven>();
oven.sendRemote("bake");
const refused = await oven.callRemote("bake").catch((error: unknown) => error);
console.log(refused instanceof RemoteError && refused.message);
