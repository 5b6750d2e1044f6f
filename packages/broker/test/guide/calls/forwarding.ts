import { Referenceable, Root } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import type { IncomingCall } from "@pb/broker/extension";
import { connectedPair } from "@pb/broker/testing";

class Calculator extends Root {
  remote_add(a: number, b: number) {
    return a + b;
  }
}

/** Forwards every call to an object of another connection. It has no `remote_` methods. */
class Forwarder extends Referenceable {
  readonly #target: RemoteReference;

  constructor(target: RemoteReference) {
    super();
    this.#target = target;
  }

  override receiveCall({ method, args, kwargs }: IncomingCall) {
    console.log(`forward ${method}`);
    return this.#target.callRemote(method, ...args, ...(kwargs === undefined ? [] : [kwargs]));
  }
}

const inner = await connectedPair({ root: new Calculator() });
const forwarder = new Forwarder(await inner.client.getRootObject());
const outer = await connectedPair({ root: { rootObject: () => forwarder } });

const calculator = await outer.client.getRootObject<Calculator>();
console.log(await calculator.call.add(20, 22));
