// `Cluster`: one node of a cluster.

import type { Referenceable, RemoteMethods } from "@pb/broker";
import { addDisposal, asyncDispose, checkOptions, refuseProxies } from "@pb/jelly-types";
import type { OptionKinds } from "@pb/jelly-types";
import type { ClusterEngine } from "./engine/engine.js";
import { ClusterError, EngineError } from "./errors.js";
import { Election } from "./home/election.js";
import type { HomeState } from "./home/home-state.js";
import { ClusterLive } from "./live/cluster-live.js";
import type { HomeFactory } from "./live/cluster-live.js";
import { toEngineName } from "./names.js";
import { NodeAvatar } from "./nodes/node-avatar.js";
import type { Node } from "./nodes/node.js";
import { holderOf, readHolder, SameName } from "./nodes/same-name.js";
import { Peers } from "./nodes/peers.js";
import type { ConnectNode } from "./nodes/peers.js";
import { ClusterChannel } from "./users/channel.js";
import { OneLogin } from "./users/logins.js";
import type { LoginServer } from "./users/logins.js";
import { ClusterPresence, removeDeadNodes } from "./users/presence.js";
import type { PresenceState } from "./users/presence.js";

/** Options of {@link Cluster}. */
export interface ClusterOptions {
  /** What this node shares with the others. `close()` of the cluster closes it. */
  readonly engine: ClusterEngine;
  /**
   * The name of this node, which no other running node has: usually that of the host, and a number. Two running nodes
   * with one name both report a `ClusterError` with the code `CLUSTER_NAME_TAKEN`, once, and go on.
   */
  readonly node: string;
  /**
   * Where the other nodes reach this one: what their `connect` gets. They need it to call objects whose home is here.
   * Default: they cannot; then this node should not be a candidate.
   */
  readonly address?: string | undefined;
  /**
   * Connects to another node and logs in there, for calls to objects whose home it is:
   * `(address) => reconnecting(address, { login: (connection) => login(connection, new BearerToken(secret)) })`.
   * Default: calls to a home on another node reject with `NoHomeError`.
   */
  readonly connect?: ConnectNode | undefined;
  /** Whether this node may become home of objects. Default true. */
  readonly candidate?: boolean | undefined;
  /**
   * Called with errors that belong to no call: each name that is taken, each node that refuses the login of this one,
   * what the system behind the engine refuses (once until the engine works again), and logs that cannot be read.
   * Default: `console.warn`.
   */
  readonly onError?: ((error: unknown) => void) | undefined;
}

const optionKinds: OptionKinds<ClusterOptions> = {
  engine: "object",
  node: "string",
  address: "string",
  connect: "function",
  candidate: "boolean",
  onError: "function",
};

/** One node of a cluster. All nodes declare the same objects. */
export class Cluster {
  static {
    addDisposal(this, asyncDispose);
    refuseProxies(this, (object) => #node in object);
  }

  /**
   * What the other nodes call: return it as the avatar of the user as whom they log in. It is not a root object, so
   * that it cannot be served without a login.
   */
  readonly avatar: NodeAvatar;
  readonly #node: Node;
  readonly #stop = new AbortController();
  /** For each object: platforms warn of more than ten listeners of one signal. */
  readonly #stops = new Set<AbortController>();
  /** By the name that the engine uses. */
  readonly #objects = new Map<string, ClusterLive<object>>();
  /** By the name that `live` was given. */
  readonly #objectsByName = new Map<string, ClusterLive<object>>();
  readonly #presences = new Map<string, ClusterPresence>();
  /** Shows the other nodes that this one runs. */
  readonly #running: Election;
  /** The addresses of the nodes that run, by key. */
  readonly #addresses = new Map<string, string>();
  readonly #sameName: SameName;
  #logins: OneLogin | undefined;
  #closed: Promise<void> | undefined;

  /** Throws `TypeError` for a bad option. */
  constructor(options: ClusterOptions) {
    checkOptions<ClusterOptions>(options, optionKinds);
    const { engine, node, address, connect, candidate = true } = options;
    if (typeof (engine as Partial<ClusterEngine> | undefined)?.append !== "function")
      throw new TypeError("The option engine must be an engine, such as new MemoryEngine()");
    toEngineName("The option node", node);
    // eslint-disable-next-line no-console -- the only place for warnings that all platforms have
    const { onError = (error: unknown): void => console.warn(error) } = options;
    const run = crypto.randomUUID();
    this.#node = {
      name: node,
      engine,
      identity: { node, address, run },
      peers: new Peers(connect, node, (error) => onError(error)),
      isCandidate: candidate,
      signal: this.#stop.signal,
      keyOf: (other) => `node.${toEngineName("The name of a node", other)}`,
      report: (error) => onError(error),
    };
    this.avatar = new NodeAvatar(
      (name, ...call) => this.#callHome(name, ...call),
      (name) => {
        const object = this.#objectsByName.get(name);
        return object && { methods: ClusterLive.methodsOf(object) };
      },
    );
    const { signal } = this.#stop;
    const key = this.#node.keyOf(node);
    this.#running = new Election(this.#node, key, holderOf(this.#node.identity), () => this.#isRunning());
    this.#sameName = new SameName(this.#node);
    const unwatch = [
      engine.watch("home", (home, holder) => {
        const object = this.#objects.get(home.slice("home.".length));
        if (object !== undefined) ClusterLive.leaseChanged(object, holder);
      }),
      engine.watch("node", (other, holder) => this.#nodeChanged(other, holder)),
      engine.onState((state) => {
        if (state === "closed") this.#engineClosed();
      }),
      engine.onRefused?.((error) => {
        const { code, message } = error;
        this.#node.report(new EngineError(code, `The engine of the node ${node}: ${message}`, { cause: error }));
      }),
    ];
    if (engine.state === "closed") queueMicrotask(() => this.#engineClosed()); // Objects are declared before.
    signal.addEventListener("abort", () => {
      for (const end of unwatch) end?.();
    });
    this.#running.claim();
  }

  /** The name of this node. */
  get node(): string {
    return this.#node.name;
  }

  /**
   * A live object of the cluster. All nodes declare it with the same name; the first home writes `initial`, unless the
   * engine has a state already. `methods` makes the object whose methods run at the home.
   *
   * Throws `TypeError` for a name that is declared already, `LiveError` for a state that cannot be sent, and
   * `ClusterError` or `EngineError` when the node or its engine was closed.
   */
  live<State extends object, Methods extends Referenceable = Referenceable>(
    name: string,
    initial: State,
    methods?: HomeFactory<State, Methods>,
  ): ClusterLive<State, Methods> {
    const engineName = toEngineName("The name of a live object", name);
    this.#stop.signal.throwIfAborted();
    if (this.#objects.has(engineName)) throw new TypeError(`There is a live object ${JSON.stringify(name)} already`);
    if (methods !== undefined && typeof methods !== "function")
      throw new TypeError("The methods must be a function that gets the state at the home and returns a Referenceable");
    const { node, stop } = this.#newObject();
    try {
      const live = new ClusterLive<State, Methods>(node, name, engineName, initial, methods);
      this.#objects.set(engineName, live as unknown as ClusterLive<object>);
      this.#objectsByName.set(name, live as unknown as ClusterLive<object>);
      return live;
    } catch (error) {
      stop.abort(error);
      throw error;
    }
  }

  /**
   * The references of peers of all nodes that are called together. Throws `TypeError` for a bad name. The same name may
   * be used several times: each result has its own references. Close the result when it is not needed anymore.
   */
  channel<T = RemoteMethods>(name: string): ClusterChannel<T> {
    this.#stop.signal.throwIfAborted();
    const engineName = toEngineName("The name of a channel", name);
    const { node, stop } = this.#newObject();
    return new ClusterChannel<T>(node, name, engineName, stop);
  }

  /**
   * The members that are present on any node, as a live object.
   * All nodes declare it with the same name; a second call returns the
   * same object. Throws `TypeError` for a bad name.
   */
  presence(name: string): ClusterPresence {
    toEngineName("The name of a presence", name);
    let presence = this.#presences.get(name);
    if (presence !== undefined) return presence;
    const live = this.live(`presence ${name}`, {}, (state: HomeState<PresenceState>) =>
      removeDeadNodes(state, this.#node),
    );
    this.#presences.set(name, (presence = new ClusterPresence(this.#newObject().node, live)));
    return presence;
  }

  /**
   * Ends the connection of a user, with the reason `replaced`, when the user logs in over another one: at this server,
   * or at a server of another node that was passed to this method there. Users are compared by the id that the checker
   * of the portal returned. Dispose of the result to stop that.
   */
  oneLoginPerUser(server: LoginServer): Disposable {
    this.#stop.signal.throwIfAborted();
    return (this.#logins ??= new OneLogin(this.#node)).watch(server);
  }

  /**
   * Stops: writes what is left, gives its homes up, so that other nodes take over at once, and closes the engine.
   * Viewers keep their last state until their connections end.
   */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const { engine, peers } = this.#node;
    if (engine.state === "connected")
      await Promise.all([
        this.#running.stop(),
        ...[...this.#objects.values()].map((object) => ClusterLive.leave(object)),
      ]);
    this.#end(new ClusterError("CLUSTER_CLOSED", "The node of the cluster was closed"));
    await Promise.all([peers.close(), engine.close()]);
  }

  /** What an object gets: this node with a signal of its own, which also aborts when the object is closed. */
  #newObject(): { readonly node: Node; readonly stop: AbortController } {
    const stop = new AbortController();
    this.#stops.add(stop);
    stop.signal.addEventListener("abort", () => this.#stops.delete(stop), { once: true });
    return { node: { ...this.#node, signal: stop.signal }, stop };
  }

  /** Nothing goes on without the engine, which cannot be opened again. */
  #engineClosed(): void {
    if (this.#closed !== undefined) return;
    this.#end(new EngineError("ENGINE_CLOSED", "The engine of the node was closed"));
    void this.#node.peers.close();
  }

  #end(reason: Error): void {
    for (const stop of [this.#stop, ...this.#stops]) stop.abort(reason);
  }

  /** Other nodes know that this one runs, again or for the first time: they may have forgotten its members. */
  #isRunning(): void {
    for (const presence of this.#presences.values()) presence.tellAll();
  }

  #nodeChanged(key: string, holder: string | undefined): void {
    const address = this.#addresses.get(key);
    const isOwn = key === this.#node.keyOf(this.#node.name);
    if (holder === undefined) this.#addresses.delete(key);
    else {
      const { run, address: current } = readHolder(holder);
      this.#addresses.set(key, current);
      if (isOwn && run !== this.#node.identity.run) this.#sameName.ask();
    }
    if (holder === undefined && address !== undefined) this.#node.peers.forget(address);
    if (holder === undefined && isOwn) this.#running.claim();
  }

  async #callHome(
    name: string,
    epoch: number,
    method: string,
    args: unknown[],
    kwargs: Parameters<ConstructorParameters<typeof NodeAvatar>[0]>[4],
  ): Promise<[number, unknown]> {
    const object = this.#objectsByName.get(name);
    if (object === undefined) throw new TypeError(`This node has no live object ${JSON.stringify(name)}`);
    const gate = await ClusterLive.gateOf(object, epoch);
    const result: unknown = await gate.receiveCall({ method, args, kwargs, wantsAnswer: true });
    return [gate.revision, result];
  }
}
