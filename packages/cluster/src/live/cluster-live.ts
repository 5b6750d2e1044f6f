// `ClusterLive`: a live object that all nodes of a cluster serve, and one of them changes.

import { asLocal, Cacheable } from "@pb/broker";
import type { CacheObserver, CallOptions, Perspective, Referenceable, RemoteCalls } from "@pb/broker";
import { after, RemoteCaller, withDeadline } from "@pb/broker/extension";
import type { RemoteArguments, RemoteName, RemoteResult, Timer } from "@pb/broker/extension";
import { PlainTree, refuseProxies } from "@pb/jelly-types";
import { LiveError } from "@pb/live";
import type { LiveSource, LiveStatus } from "@pb/live";
import { Listeners, seal } from "@pb/live/extension";
import type { Following } from "../engine/engine.js";
import { ClusterError, EngineError, NoHomeError } from "../errors.js";
import { Election } from "../home/election.js";
import { HomeWriter } from "../home/home-state.js";
import type { HomeState } from "../home/home-state.js";
import { LiveLog } from "../log/live-log.js";
import { LogWriter, notHome } from "../log/log-writer.js";
import type { LogRecord } from "../log/record.js";
import { HomeCalls } from "../nodes/home-calls.js";
import type { Node } from "../nodes/node.js";
import { pause } from "../pause.js";
import { RepeatedErrors } from "../repeated-errors.js";
import { Relay } from "../viewers/relay.js";
import { HomeGate } from "./home-gate.js";

/** Makes the object whose methods run at the home. Called each time this node becomes home. */
export type HomeFactory<State extends object, Methods extends Referenceable> = (home: HomeState<State>) => Methods;

/** How long a call waits for this node to learn that it is home, and the end of a home for its last updates. */
const HOME_MS = 5_000;

/** Before a node tries again to read a log when the engine has failed, or to become home. */
const RETRY_MS = 250;

/** The longest pause after a node could not become home, for example because its methods could not be made. */
const MOST_RETRY_MS = 60_000;

/**
 * A live object of a cluster. Return it from a method on any node: the caller gets a `LiveView`, as of a `Live`. It is
 * sent as `pb.Live`.
 *
 * One node is its home: only there do its methods run. {@link call} calls them from any node.
 */
export class ClusterLive<State extends object, Methods extends Referenceable = Referenceable>
  extends Cacheable
  implements LiveSource<State>
{
  static readonly remoteType: string = "pb.Live";
  static {
    refuseProxies(this, (object) => #log in object);
  }

  /** The name that `Cluster.live` was given: the same on all nodes. */
  readonly name: string;
  readonly #node: Node;
  readonly #engineName: string;
  readonly #initial: State;
  readonly #factory: HomeFactory<State, Methods> | undefined;
  readonly #log = new LiveLog();
  readonly #relay = new Relay(this.#log);
  readonly #listeners = new Listeners();
  readonly #election: Election | undefined;
  readonly #calls: HomeCalls;
  #following: Following | undefined;
  /** Set while this node is home. */
  #home: { readonly gate: HomeGate; readonly writer: HomeWriter<State>; readonly end: AbortController } | undefined;
  #isTakingOver = false;
  /** How often in a row this node has not become home although it had the lease. */
  #failures = 0;
  #pause: Timer | undefined;
  /** Whether this node has given its homes up for good. */
  #hasLeft = false;

  /** @internal Use `cluster.live`. */
  constructor(
    node: Node,
    name: string,
    engineName: string,
    initial: State,
    factory: HomeFactory<State, Methods> | undefined,
  ) {
    super();
    if (typeof initial !== "object" || (initial as State | null) === null)
      throw new LiveError("LIVE_NOT_PLAIN", "The state must be a plain object or an array");
    seal(initial, undefined);
    this.#node = node;
    this.name = name;
    this.#engineName = engineName;
    this.#initial = initial;
    this.#factory = factory;
    const { engine, signal } = node;
    if (node.isCandidate)
      this.#election = new Election(node, `home.${engineName}`, node.name, () => void this.#takeOver());
    this.#calls = new HomeCalls(node, name, this.#log, () => this.#local());
    const unsubscribe = engine.onState(() => this.#engineChanged());
    signal.addEventListener("abort", () => {
      unsubscribe();
      clearTimeout(this.#pause);
      this.#following?.close();
      this.#stepDown(notHome());
      this.#listeners.notify();
    });
    void this.#follow();
  }

  /** The name of the node that is home. Undefined if this node does not know one. */
  get home(): string | undefined {
    return this.#log.home?.node;
  }

  /** Whether this node is home. It learns late when another one has taken over; nothing is written then. */
  get isHome(): boolean {
    return this.#home !== undefined;
  }

  /** The number of changes that were written. It is the same on all nodes, also after a takeover. */
  get revision(): number {
    return this.#log.revision;
  }

  /** The number of copies that peers of this node have. */
  get viewers(): number {
    return this.#relay.size;
  }

  /** The written state, frozen. Undefined before the first one was read. */
  getSnapshot(): State | undefined {
    return this.#log.state() as State | undefined;
  }

  /** Calls `listener` at the end of each turn in which the state or the status has changed. */
  subscribe(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  /** `stale`: this node cannot learn of changes now, because its engine is away. `gone`: the node was closed. */
  get status(): LiveStatus {
    if (this.#node.signal.aborted) return "gone";
    if (this.#log.snapshot === undefined) return "waiting";
    return this.#isStale ? "stale" : "live";
  }

  /**
   * Resolves when this node has the state, so that it can be sent. Rejects with `ClusterError` when the node is closed,
   * and with `EngineError` when its engine is.
   */
  async ready(): Promise<void> {
    const isReady = (): boolean => this.#log.snapshot !== undefined && this.#following !== undefined;
    await this.#log.until(isReady, this.#node.signal);
  }

  /** The methods of the home as functions: `board.call.finish("a")`. */
  get call(): RemoteCalls<Methods> {
    return this.with({}).call;
  }

  /**
   * Calls a method of the home, from any node. When it resolves, this node has the state that the method has left, and
   * has sent it to its viewers.
   *
   * Rejects with {@link NoHomeError} when no home can be reached: the method has not run. Rejects with
   * `OutcomeUnknownError` when the connection to the home was lost, and with `RemoteError` for an error of the method.
   * With the option `once`, the call waits for a home, and is repeated while it is known not to have run.
   */
  callRemote<Name extends RemoteName<Methods>>(
    name: RemoteName<Methods, Name>,
    ...args: RemoteArguments<Methods, Name>
  ): Promise<RemoteResult<Methods, Name>> {
    return this.with({}).callRemote<Name>(name, ...args);
  }

  /** The same ways to call, with options. Throws `TypeError` for a wrong one. */
  with(options: CallOptions & { readonly once?: boolean | undefined }): RemoteCaller<Methods> {
    const { once = false, ...others } = options;
    if (typeof once !== "boolean") throw new TypeError("The option once must be true or false");
    RemoteCaller.check(others);
    return new RemoteCaller((name, args) => this.#calls.call(name, args, others, once), others);
  }

  /** Called by the broker. Throws {@link NoHomeError} before this node has a state: wait for {@link ready}. */
  override getStateToCacheAndObserveFor(_perspective: Perspective, observer: CacheObserver): unknown {
    if (this.#log.snapshot === undefined) throw new NoHomeError(`${this.name} has no state yet on this node`);
    return this.#relay.add(observer);
  }

  /** Called by the broker when a viewer is gone. */
  override stoppedObserving(_perspective: Perspective, observer: CacheObserver): void {
    this.#relay.remove(observer);
  }

  /** @internal The methods, if this node is home in this epoch: it may learn that later than the caller. */
  static async gateOf(live: ClusterLive<object>, epoch: number): Promise<HomeGate> {
    const gate = (): HomeGate | undefined => (live.#home?.gate.epoch === epoch ? live.#home.gate : undefined);
    const refuse = (): Error => new NoHomeError(`${live.name} has another home`);
    const isKnown = (): boolean => gate() !== undefined || live.#log.epoch > epoch || live.#hasLeft;
    const waiting = { signal: live.#node.signal, timeoutMs: HOME_MS };
    await withDeadline(waiting, refuse, (signal) => live.#log.until(isKnown, signal)).catch(() => undefined);
    const found = gate();
    if (found === undefined) throw refuse();
    return found;
  }

  /** @internal The methods, if this node is home. */
  static methodsOf(live: ClusterLive<object>): Referenceable | undefined {
    return live.#home?.gate.methods;
  }

  /** @internal The lease of the home has another holder, or none. */
  static leaseChanged(live: ClusterLive<object>, holder: string | undefined): void {
    if (holder === undefined) live.#election?.claim();
  }

  /** @internal Writes what is left and gives the home up, so that another node can take over at once. */
  static async leave(live: ClusterLive<object>): Promise<void> {
    const { home, election } = { home: live.#home, election: live.#election };
    const giveUp = (): Error => new ClusterError("CLUSTER_CLOSED", "The last updates could not be written");
    await withDeadline({ timeoutMs: HOME_MS }, giveUp, () => home?.writer.idle() ?? Promise.resolve()).catch(
      (error: unknown) => live.#node.report(error),
    );
    live.#hasLeft = true;
    live.#stepDown(notHome());
    await election?.stop();
  }

  get #isStale(): boolean {
    return this.#node.engine.state !== "connected" || this.#log.isBroken;
  }

  #local(): ReturnType<typeof asLocal<HomeGate>> | undefined {
    return this.#home === undefined ? undefined : asLocal(this.#home.gate);
  }

  /** Reads the log until the node is closed. */
  async #follow(): Promise<void> {
    const { engine, signal } = this.#node;
    const errors = new RepeatedErrors((error) => this.#node.report(error));
    while (this.#following === undefined && !signal.aborted) {
      try {
        let records = 0;
        this.#following = await engine.follow(`live.${this.#engineName}`, (bytes, number) => {
          records++;
          this.#read(bytes, number);
        });
        if (records === 0 && this.#log.number > 0) {
          this.#reportLoss();
          this.#log.beginAgain();
        }
      } catch (error) {
        const code = error instanceof EngineError ? error.code : undefined;
        if (code === "ENGINE_CLOSED") return;
        if (code !== "ENGINE_AWAY") errors.failed(error);
        await pause(RETRY_MS, signal);
      }
    }
    if (signal.aborted) this.#following?.close();
    else this.#election?.claim();
    this.#log.changed();
  }

  #read(bytes: Uint8Array, number: number): void {
    if (this.#node.signal.aborted) return;
    if (number <= this.#log.number) this.#startAgain();
    let record: LogRecord | undefined;
    try {
      record = this.#log.apply(bytes, number);
    } catch (error) {
      this.#node.report(error);
    }
    if (this.#home !== undefined && this.#log.epoch !== this.#home.writer.epoch) this.#deposed();
    if (record !== undefined) this.#relay.relay(record);
    this.#relay.setStale(this.#isStale);
    this.#listeners.notify();
  }

  /** The engine has lost the log, and there is a new one, whose revisions have nothing to do with those of viewers. */
  #startAgain(): void {
    this.#reportLoss();
    this.#deposed();
    this.#log.startAgain();
    this.#relay.end();
  }

  #reportLoss(): void {
    this.#node.report(new ClusterError("CLUSTER_BAD_RECORD", `The log of ${this.name} was lost, and begins again`));
  }

  /** Reads the log again from its beginning, if an append has shown that the engine has lost records. */
  async #readAgainIfLost({ hasFoundLoss }: LogWriter): Promise<void> {
    if (!hasFoundLoss || this.#following === undefined) return;
    this.#following.close();
    this.#following = undefined;
    await this.#follow();
  }

  #engineChanged(): void {
    this.#relay.setStale(this.#isStale);
    this.#listeners.notify();
    if (this.#node.engine.state === "connected") this.#election?.claim();
  }

  /** Becomes home: begins an epoch in the log. */
  async #takeOver(): Promise<void> {
    if (this.#isTakingOver || this.#home !== undefined) return;
    if (this.#log.isBroken) {
      this.#letOthersTry();
      return;
    }
    this.#isTakingOver = true;
    const { engine, signal } = this.#node;
    const writer = new LogWriter(engine, `live.${this.#engineName}`, this.#log, signal);
    try {
      const record = this.#beginning();
      if ((await writer.begin(record)) && this.#log.epoch === record.epoch) this.#begin(writer);
      else this.#deposed();
      this.#failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      this.#node.report(error);
      await this.#readAgainIfLost(writer);
      this.#letOthersTry();
    } finally {
      this.#isTakingOver = false;
    }
  }

  /** Gives the lease up later, so that a node tries again: each attempt may write a record. */
  #letOthersTry(): void {
    if (this.#node.signal.aborted) return;
    const pauseMs = Math.min(RETRY_MS * 2 ** this.#failures++, MOST_RETRY_MS);
    clearTimeout(this.#pause);
    this.#pause = after(pauseMs, () => void this.#election?.release());
  }

  #beginning(): Exclude<LogRecord, { kind: "patch" }> {
    const { snapshot, revision, number } = this.#log;
    const epoch = this.#log.epoch + 1;
    const common = { epoch, revision, home: this.#node.identity, beginnings: this.#log.beginningsWith(epoch) };
    if (snapshot !== undefined && number > 0) return { kind: "home", ...common };
    const state = snapshot === undefined ? this.#initial : this.#log.state();
    return { kind: "snapshot", ...common, tree: new PlainTree(state) };
  }

  #begin(log: LogWriter): void {
    const end = new AbortController();
    const { maxBytes } = this.#node.engine;
    const writer = new HomeWriter<State>(this.#log, log, maxBytes, end.signal, (error) => this.#failed(error, log));
    try {
      const gate = new HomeGate(writer, this.#factory?.(writer), this.#log);
      this.#home = { gate, writer, end };
      this.#log.changed();
    } catch (error) {
      end.abort(error);
      throw error;
    }
    this.#listeners.notify();
  }

  /**
   * Another node has become home. The lease may have expired without the knowledge of this node, or the other node was
   * late: each of the two may get it now, so that the lease and the home are at one node again.
   */
  #deposed(): void {
    this.#stepDown(notHome());
    void this.#election?.release();
  }

  /** The home could not write: another node should try. */
  #failed(error: unknown, log: LogWriter): void {
    const isMoved = error instanceof ClusterError && error.code === "CLUSTER_NOT_HOME";
    if (!isMoved && !this.#node.signal.aborted) this.#node.report(error);
    this.#stepDown(error);
    void this.#readAgainIfLost(log).then(() => this.#election?.release());
  }

  #stepDown(reason: unknown): void {
    const home = this.#home;
    this.#home = undefined;
    home?.end.abort(reason);
    this.#log.changed();
    this.#listeners.notify();
  }
}
