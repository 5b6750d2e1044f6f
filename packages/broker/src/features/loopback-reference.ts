// A reference to a local object over a connection within the process, so that everything is copied as on the wire.

import { addDisposal, refuseProxies } from "@pb/banana";
import { Broker } from "../broker.js";
import { checkCallOptions } from "../calls/call-options.js";
import type { CallOptions } from "../calls/call-options.js";
import { remoteCalls } from "../calls/remote-calls.js";
import { BrokerConfig } from "../engine/config.js";
import type { BrokerOptions } from "../engine/config.js";
import { releasedError } from "../errors.js";
import { AsReferenceable } from "../flavors/perspective.js";
import type { CallReceiver } from "../flavors/perspective.js";
import { Referenceable } from "../flavors/referenceable.js";
import { PipelinedReference } from "../flavors/pipelined.js";
import { RemoteCaller } from "../flavors/remote-reference.js";
import type { RemoteCalls, RemoteMethods } from "../flavors/call-types.js";
import type { RemoteReference } from "../flavors/remote-reference.js";
import { linkPair } from "../link/memory-link.js";
import { requireCallback } from "../subscriptions.js";
import { checkArguments } from "./local-values.js";

export class LoopbackReference {
  static {
    addDisposal(this);
    refuseProxies(this, (object) => #remote in object);
  }

  readonly #config: BrokerConfig;
  readonly #connection: Broker;
  readonly #remote: Promise<RemoteReference>;
  /** Undefined until the connection is ready. */
  #ready: RemoteReference | undefined;
  #calls: RemoteCalls<RemoteMethods> | undefined;
  #isReleased = false;

  constructor(object: CallReceiver, options: Omit<BrokerOptions, "root">) {
    const links = linkPair({ isRecorded: false });
    const root = object instanceof Referenceable ? object : new AsReferenceable(object);
    new Broker(links.listener, { ...options, root: { rootObject: () => root } });
    this.#config = new BrokerConfig(options);
    this.#connection = new Broker(links.initiator, this.#config);
    this.#remote = this.#connection.getRootObject();
    this.#remote.then(
      (remote) => (this.#ready = remote),
      () => undefined, // Each call rejects with the same error.
    );
  }

  get isAlive(): boolean {
    return this.#connection.isOpen;
  }

  get call(): RemoteCalls<RemoteMethods> {
    return (this.#calls ??= remoteCalls((name, args) => this.callRemote(name, ...args)) as RemoteCalls<RemoteMethods>);
  }

  async callRemote(name: string, ...args: unknown[]): Promise<unknown> {
    return (await this.#remote).callRemote(name, ...args);
  }

  with(options: CallOptions): RemoteCaller {
    checkCallOptions(options);
    const invoke = async (name: string, args: readonly unknown[]): Promise<unknown> =>
      (await this.#remote).with(options).callRemote(name, ...args);
    return new RemoteCaller(invoke, options, (name, args) => this.#pipe((remote) => remote.with(options), name, args));
  }

  pipe(name: string, ...args: unknown[]): never {
    return this.#pipe((remote) => remote, name, args) as never;
  }

  #pipe(
    callerOf: (remote: RemoteReference) => Pick<RemoteReference, "pipe">,
    name: string,
    args: readonly unknown[],
  ): object {
    const made = this.#remote.then((remote) => ({
      reference: callerOf(remote).pipe(name, ...(args as never[])) as never,
    }));
    return PipelinedReference.later(made, (error) => error);
  }

  /** Throws as over a connection. Before the connection is ready, the arguments are only checked. */
  sendRemote(name: string, ...args: unknown[]): void {
    if (this.#ready !== undefined) {
      this.#ready.sendRemote(name, ...args);
      return;
    }
    if (this.#isReleased) throw releasedError();
    const config = this.#config;
    checkArguments(args, { perspective: null, messageBytes: config.limits.messageBytes });
    this.#remote
      .then((remote) => remote.sendRemote(name, ...args))
      .catch((error: unknown) => config.reportError(error, this.#connection));
  }

  notifyOnDisconnect(callback: (reference: this) => void): Disposable {
    requireCallback(callback);
    return this.#connection.notifyOnDisconnect(() => callback(this));
  }

  async drained(): Promise<void> {
    await (await this.#remote).drained();
  }

  [Symbol.dispose](): void {
    this.#isReleased = true;
    void this.#connection.close();
  }

  /** As that of a `RemoteReference`. */
  get [Symbol.toStringTag](): string {
    return LoopbackReference.name;
  }
}
