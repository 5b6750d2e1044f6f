import { RemoteError, Root } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";

class Renderer extends Root {
  remote_render() {
    return new Promise<void>(() => undefined); // never finishes
  }
}

const limits = { callsRunning: 1, overload: "refuse" } as const;
const { client } = await connectedPair({ root: new Renderer(), limits });
const renderer = await client.getRootObject<Renderer>();
renderer.sendRemote("render");
const refused = await renderer.call.render().catch((error: unknown) => error);
if (refused instanceof RemoteError) console.log(refused.message);
