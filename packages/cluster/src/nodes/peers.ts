// The connections of a node to the other nodes, over which it calls the homes of live objects.

import { dispose } from "@pb/jelly-types";
import type { ReconnectingClient } from "@pb/transport";
import { NoHomeError } from "../errors.js";
import type { Home } from "../log/record.js";
import type { NodeAvatar } from "./node-avatar.js";

/** Connects to the node at an address and logs in there: with `reconnecting` of a transport. */
export type ConnectNode = (address: string) => ReconnectingClient<NodeAvatar>;

export class Peers {
  readonly #connect: ConnectNode | undefined;
  /** By address. */
  readonly #clients = new Map<string, ReconnectingClient<NodeAvatar>>();

  constructor(connect: ConnectNode | undefined) {
    this.#connect = connect;
  }

  /**
   * The client for a node, when it is connected. Rejects with `NoHomeError` when the last attempt to connect has
   * failed, unless the caller waits, and with the reason of the signal.
   */
  async ready({ node, address }: Home, waits: boolean, signal: AbortSignal): Promise<ReconnectingClient<NodeAvatar>> {
    if (this.#connect === undefined || address === undefined)
      throw new NoHomeError(`The home is the node ${node}, to which this node has no way to connect`);
    let client = this.#clients.get(address);
    if (client === undefined || client.state.is === "stopped")
      this.#clients.set(address, (client = this.#connect(address)));
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
    const client = this.#clients.get(address);
    this.#clients.delete(address);
    void client?.close();
  }

  async close(): Promise<void> {
    const clients = [...this.#clients.values()];
    this.#clients.clear();
    await Promise.all(clients.map((client) => client.close()));
  }
}
