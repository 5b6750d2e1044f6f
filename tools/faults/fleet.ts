// A NATS server, nodes and viewers, each in a process of its own.

import type { ClusterEngine } from "@pb/cluster";
import { natsEngine } from "@pb/cluster/nats";
import { Cable } from "../e2e/nats/cable.js";
import { startNatsCluster } from "../e2e/nats/nats-cluster.js";
import { NatsServer } from "../e2e/nats/nats-server.js";
import type { OtherHost } from "../process/network-namespace.js";
import { freePort } from "../process/ports.js";
import { Program, typescript, until } from "../process/program.js";
import type { Command } from "../process/program.js";
import { Auditor } from "./auditor.js";
import type { NodeOptions, ViewersReport } from "./ticks.js";

/** What a fleet has. */
export interface FleetOptions {
  readonly nodes: number;
  readonly viewersPerNode: number;
  readonly leaseMs: number;
  readonly updateMs: number;
  /** Three NATS servers instead of one: each record is stored by all of them. */
  readonly isReplicated?: boolean;
  /** Where the first node runs, which is the first home then. */
  readonly host?: OtherHost | undefined;
}

/** A node, and the cable that connects it to NATS. With three servers, and on another host, it has no cable. */
export class FleetNode {
  readonly name: string;
  readonly cable: Cable;
  readonly port: number;
  /** The output of all its processes. */
  readonly outputs: Program[] = [];
  readonly #options: FleetOptions;
  readonly #nats: readonly string[];
  readonly #host: OtherHost | undefined;

  static async start(
    name: string,
    servers: readonly NatsServer[],
    options: FleetOptions,
    host?: OtherHost,
  ): Promise<FleetNode> {
    const cable = await Cable.to(servers[0]!);
    const isDirect = options.isReplicated === true || host !== undefined;
    const nats = isDirect ? servers.map((server) => server.servers) : [`127.0.0.1:${cable.port}`];
    const node = new FleetNode(name, cable, await freePort(), nats, options, host);
    await node.start();
    return node;
  }

  private constructor(
    name: string,
    cable: Cable,
    port: number,
    nats: readonly string[],
    options: FleetOptions,
    host: OtherHost | undefined,
  ) {
    this.#nats = nats;
    this.#host = host;
    this.name = name;
    this.cable = cable;
    this.port = port;
    this.#options = options;
  }

  get program(): Program {
    return this.outputs.at(-1)!;
  }

  get address(): string {
    return this.#host?.address ?? "127.0.0.1";
  }

  async start(): Promise<void> {
    const { leaseMs, updateMs, isReplicated = false } = this.#options;
    const endpoint = `tcp:${this.port}:interface=${this.address}`;
    const replicas = isReplicated ? 3 : 1;
    const options: NodeOptions = { name: this.name, nats: this.#nats, leaseMs, endpoint, updateMs, replicas };
    const command = [...(this.#host?.wrapper ?? []), ...typescript("tools/faults/node.ts", JSON.stringify(options))];
    this.outputs.push(new Program(this.name, command as unknown as Command));
    await this.program.waitForOutput("ready");
  }

  /** The numbers of the updates that were acknowledged to this node. */
  get acknowledged(): number[] {
    return this.outputs.flatMap(({ stdout }) => (stdout.match(/^\d+$/gm) ?? []).map(Number));
  }
}

/** All processes of a run. */
export class Fleet implements AsyncDisposable {
  readonly servers: readonly NatsServer[];
  readonly nodes: readonly FleetNode[];
  readonly auditor: Auditor;
  readonly options: FleetOptions;
  readonly #engine: ClusterEngine;
  readonly #viewers: Program;

  static async start(options: FleetOptions): Promise<Fleet> {
    const { leaseMs, viewersPerNode, host, isReplicated } = options;
    const servers = isReplicated === true ? await startNatsCluster() : [await NatsServer.start(host?.near)];
    const names = Array.from({ length: options.nodes }, (_, index) => `node-${index + 1}`);
    const first = host && (await FleetNode.start(names.shift()!, servers, options, host));
    const others = await Promise.all(names.map((name) => FleetNode.start(name, servers, options)));
    const nodes = [...(first === undefined ? [] : [first]), ...others];
    const replicas = isReplicated === true ? 3 : 1;
    const engine = await natsEngine({ servers: servers.map((server) => server.servers), leaseMs, replicas });
    const endpoints = nodes.map(({ address, port }) => `tcp:${address}:${port}`).join(" ");
    const viewers = new Program("viewers", typescript("tools/faults/viewers.ts", endpoints, String(viewersPerNode)));
    const fleet = new Fleet(options, servers, nodes, engine, await Auditor.of(engine), viewers);
    await fleet.settle();
    return fleet;
  }

  private constructor(
    options: FleetOptions,
    servers: readonly NatsServer[],
    nodes: readonly FleetNode[],
    engine: ClusterEngine,
    auditor: Auditor,
    viewers: Program,
  ) {
    this.options = options;
    this.servers = servers;
    this.nodes = nodes;
    this.auditor = auditor;
    this.#engine = engine;
    this.#viewers = viewers;
  }

  /** The NATS server, if there is one. */
  get server(): NatsServer {
    return this.servers[0]!;
  }

  get home(): FleetNode {
    return this.nodes.find(({ name }) => name === this.auditor.home)!;
  }

  /** Resolves with the milliseconds until another node is home. */
  async takeover(epoch: number): Promise<number> {
    const start = performance.now();
    await until(() => this.auditor.epoch > epoch, "another home", 30_000);
    return Math.round(performance.now() - start);
  }

  /** Resolves when all viewers have seen updates of this moment. */
  async settle(): Promise<ViewersReport> {
    await this.proceed();
    const known = Math.max(0, ...this.nodes.flatMap(({ acknowledged }) => acknowledged));
    let report = await this.look();
    await until(async () => {
      report = await this.look();
      return report.least >= known;
    }, "all viewers to follow");
    return report;
  }

  /** Resolves when the home has written five more updates. */
  async proceed(): Promise<void> {
    const enough = this.auditor.revision + 5;
    await until(() => this.auditor.revision >= enough, "updates");
  }

  async look(line = "report"): Promise<ViewersReport> {
    this.#viewers.writeLine(line);
    return this.#viewers.nextJson<ViewersReport>();
  }

  /** Updates that were acknowledged to two homes: one of them is lost. */
  duplicates(): number[] {
    const all = this.nodes.flatMap(({ acknowledged }) => acknowledged);
    return all.filter((number, index) => all.indexOf(number) !== index);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#viewers.kill();
    for (const { program } of this.nodes) program.kill();
    await this.#engine.close();
    await Promise.all(this.nodes.map(({ cable }) => cable[Symbol.asyncDispose]()));
    await Promise.all(this.servers.map((server) => server[Symbol.asyncDispose]()));
  }
}
