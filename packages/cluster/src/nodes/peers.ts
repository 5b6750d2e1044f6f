// The connections of a node to the other nodes, over which it calls the homes of live objects.

import { dispose } from "@pb/jelly-types";
import { ConnectError } from "@pb/transport";
import type { ReconnectingClient, ReconnectState } from "@pb/transport";
import { ClusterError, NoHomeError } from "../errors.js";
import type { Home } from "../log/record.js";
import type { NodeAvatar } from "./node-avatar.js";

/** Connects to the node at an address and logs in there: with `reconnecting` of a transport. */
export type ConnectNode = (address: string) => ReconnectingClient<NodeAvatar>;

/** Before a node that has refused the login of this one is asked again, if it was not started again. */
const REFUSED_MS = 60_000;

/** The connection to one node. */
interface Peer {
  readonly run: string;
  readonly client: ReconnectingClient<NodeAvatar>;
  /** Why the node does not let this one in, and when it has said so. */
  refusal: { readonly error: ClusterError; readonly at: number } | undefined;
}

export class Peers {
  readonly #connect: ConnectNode | undefined;
  readonly #name: string;
  readonly #report: (error: unknown) => void;
  /** By address. */
  readonly #peers = new Map<string, Peer>();

  constructor(connect: ConnectNode | undefined, name: string, report: (error: unknown) => void) {
    this.#connect = connect;
    this.#name = name;
    this.#report = report;
  }

  /**
   * The client for a node, when it is connected. Rejects with `NoHomeError` when the last attempt to connect has
   * failed, unless the caller waits, with `ClusterError` when the node refuses the login of this one, and with the
   * reason of the signal.
   */
  async ready(home: Home, waits: boolean, signal: AbortSignal): Promise<ReconnectingClient<NodeAvatar>> {
    const { node } = home;
    const peer = this.#peerOf(home);
    const { client } = peer;
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const finish = (error?: Error): void => {
        subscription[dispose]();
        signal.removeEventListener("abort", abort);
        if (error === undefined) resolve();
        else reject(error);
      };
      const abort = (): void => finish(signal.reason as Error);
      const check = (): void => {
        const { state } = client;
        if (state.is === "ready") finish();
        else if (state.is === "stopped" && peer.refusal !== undefined) finish(peer.refusal.error);
        else if (state.is === "stopped" || (state.is === "waiting" && !waits))
          finish(new NoHomeError(`The home is the node ${node}, which cannot be reached`, { cause: state.cause }));
      };
      const subscription = client.onState(check);
      signal.addEventListener("abort", abort, { once: true });
      check();
    });
    return client;
  }

  /** Closes the connection to a node that has ended. */
  forget(address: string): void {
    const peer = this.#peers.get(address);
    this.#peers.delete(address);
    void peer?.client.close();
  }

  async close(): Promise<void> {
    const peers = [...this.#peers.values()];
    this.#peers.clear();
    await Promise.all(peers.map(({ client }) => client.close()));
  }

  #peerOf({ node, address, run }: Home): Peer {
    if (this.#connect === undefined || address === undefined)
      throw new NoHomeError(`The home is the node ${node}, to which this node has no way to connect`);
    const known = this.#peers.get(address);
    if (known !== undefined && !isOver(known, run)) return known;
    void known?.client.close();
    // A refusal is reported once for each start of the other node.
    const refusal = known?.run === run ? known.refusal : undefined;
    const peer: Peer = { run, client: this.#connect(address), refusal };
    this.#peers.set(address, peer);
    peer.client.onState((state) => this.#changed(peer, node, state));
    this.#changed(peer, node, peer.client.state);
    return peer;
  }

  /** Reports that a node refuses the login of this one, once. */
  #changed(peer: Peer, node: string, state: ReconnectState<NodeAvatar>): void {
    if (state.is === "ready") peer.refusal = undefined;
    const cause = "cause" in state ? state.cause : undefined;
    if (!isRefusal(state, cause)) return;
    const { message, code } = cause as Error & { readonly code?: unknown };
    const advice = code === "LOGIN_UNAUTHORIZED" ? ". Do their secrets differ?" : "";
    const text = `The node ${node} refuses the login of the node ${this.#name}: ${message}${advice}`;
    const error = new ClusterError("CLUSTER_NODE_REFUSED", text, { cause });
    const isKnown = peer.refusal !== undefined;
    peer.refusal = { error, at: performance.now() };
    if (!isKnown) this.#report(error);
  }
}

/** Whether another client is needed. */
function isOver({ client, refusal, run }: Peer, newest: string): boolean {
  if (client.state.is !== "stopped") return false;
  return run !== newest || refusal === undefined || performance.now() - refusal.at > REFUSED_MS;
}

/** Whether a client could connect, and was not let in: it has given up, or will try again. */
function isRefusal(state: ReconnectState<NodeAvatar>, cause: unknown): boolean {
  if (!(cause instanceof Error)) return false;
  if (state.is === "stopped") return !(cause instanceof ConnectError);
  return state.is === "waiting" && String((cause as { code?: unknown }).code).startsWith("LOGIN_");
}
