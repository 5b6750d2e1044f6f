// Clusters in one process for tests: nodes with engines that fail on demand, connected in memory, and their viewers.

import { callContext, Referenceable, Root } from "@pb/broker";
import { Cluster, MemoryServer } from "@pb/cluster";
import type { ClusterLive, ClusterOptions, HomeState, NodeAvatar } from "@pb/cluster";
import { FaultyEngine } from "@pb/cluster/testing";
import { TypeRegistry } from "@pb/jelly-types";
import { liveView } from "@pb/live";
import type { LiveView } from "@pb/live";
import { ReconnectingClient } from "@pb/transport";
import { onTestFinished } from "vitest";
import { until } from "../../../../tools/process/program.js";
import { connectTo, serve } from "../../../transport/test/support/memory-network.js";
import type { MemoryNetwork } from "../../../transport/test/support/memory-network.js";

export interface List {
  readonly items: readonly number[];
  readonly title: string;
}

/** What the home of the list does. */
export class ListMethods extends Referenceable {
  readonly list: HomeState<List>;
  /** Calls that have run. */
  ran = 0;

  constructor(list: HomeState<List>) {
    super();
    this.list = list;
  }

  async remote_add(item: number): Promise<number> {
    this.ran++;
    await this.list.update((draft) => void draft.items.push(item));
    return this.list.state.items.length;
  }

  remote_fail(): void {
    throw new RangeError("secret");
  }

  remote_context(): object {
    const { deadline, traceparent = null, baggage = null } = callContext();
    return { hasDeadline: deadline !== undefined, traceparent, baggage };
  }

  remote_never(): Promise<void> {
    this.ran++;
    return new Promise((resolve) => this.list.signal.addEventListener("abort", () => resolve()));
  }
}

/** What clients of a node can call. */
class Office extends Root {
  readonly #node: () => TestNode;

  constructor(node: () => TestNode) {
    super();
    this.#node = node;
  }

  remote_list(): ClusterLive<List, ListMethods> {
    return this.#node().list;
  }

  remote_add(item: number): Promise<number> {
    return this.#node().list.call.add(item);
  }

  /** Logs another node in. A real one asks for a password. */
  remote_enter(): NodeAvatar {
    return this.#node().cluster.avatar;
  }
}

export interface TestNode {
  readonly name: string;
  readonly cluster: Cluster;
  readonly engine: FaultyEngine;
  readonly list: ClusterLive<List, ListMethods>;
  readonly network: MemoryNetwork;
  /** The methods of each time that this node was home. */
  readonly homes: ListMethods[];
  readonly errors: unknown[];
}

/** Nodes that share a memory server, with a list as live object. They end with the test. */
export class TestCluster {
  readonly server: MemoryServer = new MemoryServer();
  readonly nodes = new Map<string, TestNode>();

  /** Starts a node and waits until it has the state, unless `isReady` is false. */
  async start(name: string, options: Partial<ClusterOptions> = {}, isReady = true): Promise<TestNode> {
    const engine = new FaultyEngine({ server: this.server, maxBytes: 32_768 });
    const homes: ListMethods[] = [];
    const errors: unknown[] = [];
    const { network } = serve(new Office(() => node));
    const cluster = new Cluster({
      engine,
      node: name,
      address: name,
      connect: (address) => this.#connect(address),
      onError: (error) => errors.push(error),
      ...options,
    });
    const list = cluster.live<List, ListMethods>("the list", { items: [], title: "empty" }, (home) => {
      const methods = new ListMethods(home);
      homes.push(methods);
      return methods;
    });
    const node: TestNode = { name, cluster, engine, list, network, homes, errors };
    this.nodes.set(name, node);
    onTestFinished(async () => {
      engine.thaw();
      await cluster.close();
    });
    if (isReady) await list.ready();
    return node;
  }

  /** Starts a node and waits until it is home. */
  async startHome(name: string): Promise<TestNode> {
    const node = await this.start(name);
    await until(() => node.homes.length === 1, `${name} is home`);
    return node;
  }

  #connect(address: string): ReconnectingClient<NodeAvatar> {
    return new ReconnectingClient<NodeAvatar>(
      (signal) => {
        const node = this.nodes.get(address);
        if (node === undefined) throw new Error(`${address} is down`);
        return node.network.dial()(signal);
      },
      {
        login: async (connection) => (await connection.getRootObject<Office>()).callRemote("enter"),
        backoff: { firstMs: 5, highestMs: 10 },
        liveness: false,
      },
    );
  }
}

/** A client of a node with a view of the list. */
export async function viewerOf({ network }: TestNode): Promise<LiveView<List>> {
  const connection = await connectTo(network, { types: new TypeRegistry().register(liveView()) });
  const root = await connection.getRootObject<{ list(): LiveView<List> }>();
  return root.callRemote("list");
}

export const numbers = (count: number): number[] => Array.from({ length: count }, (_unused, index) => index);
