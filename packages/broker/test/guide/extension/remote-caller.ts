import { RemoteError, Root } from "@pb/broker";
import type { Reference } from "@pb/broker";
import { RemoteCaller } from "@pb/broker/extension";
import { connectedPair } from "@pb/broker/testing";

class Counter extends Root {
  #calls = 0;

  remote_next() {
    this.#calls++;
    if (this.#calls === 1) throw new Error("busy");
    return this.#calls;
  }
}

/** Calls like `reference`, and repeats a call once when its method failed. */
function retrying<T>(reference: Reference<T>): RemoteCaller<T> {
  const untyped = reference as unknown as Reference;
  return new RemoteCaller(async (method, args) => {
    try {
      return await untyped.callRemote(method, ...args);
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error;
      console.log(`${error.message}, calls again`);
      return await untyped.callRemote(method, ...args);
    }
  });
}

const { client } = await connectedPair({ root: new Counter() });
const counter = retrying(await client.getRootObject<Counter>());
console.log(await counter.call.next());
console.log(await counter.callRemote("next"));
