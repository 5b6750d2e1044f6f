// A local object behind a connection that begins and ends in this process: everything is copied as on the wire.

import { Broker } from "../broker.js";
import type { CallOptions } from "../calls/call-options.js";
import { AsReferenceable } from "../flavors/perspective.js";
import type { CallReceiver } from "../flavors/perspective.js";
import { Referenceable } from "../flavors/referenceable.js";
import { callsOf } from "../flavors/remote-reference.js";
import type { RemoteCalls, RemoteMethods, RemoteReference } from "../flavors/remote-reference.js";
import { linkPair } from "../link/memory-link.js";
import type { BrokerOptions } from "../engine/config.js";

/** A reference over a connection that begins and ends in this process. */
export class CopyingReference {
  readonly #connection: Broker;
  readonly #remote: Promise<RemoteReference>;
  #calls: RemoteCalls<RemoteMethods> | undefined;

  constructor(object: CallReceiver, options: Omit<BrokerOptions, "root">) {
    const links = linkPair({ isRecorded: false });
    const root = object instanceof Referenceable ? object : new AsReferenceable(object);
    new Broker(links.listener, { ...options, root: { rootObject: () => root } });
    this.#connection = new Broker(links.initiator, options);
    this.#remote = this.#connection.getRootObject();
    this.#remote.catch(() => undefined); // each call says it
  }

  get isAlive(): boolean {
    return this.#connection.isOpen;
  }

  async callRemote(name: string, ...args: unknown[]): Promise<unknown> {
    return (await this.#remote).callRemote(name, ...args);
  }

  async callRemoteWith(options: CallOptions, name: string, ...args: unknown[]): Promise<unknown> {
    return (await this.#remote).callRemoteWith(options, name, ...args);
  }

  sendRemote(name: string, ...args: unknown[]): void {
    this.#remote.then((remote) => remote.sendRemote(name, ...args)).catch(() => undefined);
  }

  remoteMethod(name: string): (...args: unknown[]) => Promise<unknown> {
    return (...args) => this.callRemote(name, ...args);
  }

  get call(): RemoteCalls<RemoteMethods> {
    return (this.#calls ??= callsOf((name) => this.remoteMethod(name)) as RemoteCalls<RemoteMethods>);
  }

  notifyOnDisconnect(callback: (reference: this) => void): Disposable {
    return this.#connection.notifyOnDisconnect(() => callback(this));
  }

  async drained(): Promise<void> {
    await (await this.#remote).drained();
  }

  [Symbol.dispose](): void {
    void this.#connection.close();
  }
}
