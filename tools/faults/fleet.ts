// A NATS server, nodes and viewers, each in a process of its own.

import type { ClusterEngine } from "@pb/cluster";
import { natsEngine } from "@pb/cluster/nats";
import { Cable } from "../e2e/nats/cable.js";
import { NatsServer } from "../e2e/nats/nats-server.js";
import { freePort } from "../process/ports.js";
import { Program, typescript, until } from "../process/program.js";
import { Auditor } from "./auditor.js";
import type { NodeOptions, ViewersReport } from "./ticks.js";

/** What a fleet has. */
export interface FleetOptions {
  readonly nodes: number;
  readonly viewersPerNode: number;
  readonly leaseMs: number;
  readonly updateMs: number;
}

/** A node, and the cable that connects it to NATS. */
export class FleetNode {
  readonly name: string;
  readonly cable: Cable;
  readonly port: number;
  /** The output of all its processes. */
  readonly outputs: Program[] = [];
  readonly #options: FleetOptions;

  static async start(name: string, server: NatsServer, options: FleetOptions): Promise<FleetNode> {
    const node = new FleetNode(name, await Cable.to(server), await freePort(), options);
    await node.start();
    return node;
  }

  private constructor(name: string, cable: Cable, port: number, options: FleetOptions) {
    this.name = name;
    this.cable = cable;
    this.port = port;
    this.#options = options;
  }

  get program(): Program {
    return this.outputs.at(-1)!;
  }

  async start(): Promise<void> {
    const { leaseMs, updateMs } = this.#options;
    const endpoint = `tcp:${this.port}:interface=127.0.0.1`;
    const options: NodeOptions = { name: this.name, nats: `127.0.0.1:${this.cable.port}`, leaseMs, endpoint, updateMs };
    this.outputs.push(new Program(this.name, typescript("tools/faults/node.ts", JSON.stringify(options))));
    await this.program.waitForOutput("ready");
  }

  /** The numbers of the updates that were acknowledged to this node. */
  get acknowledged(): number[] {
    return this.outputs.flatMap(({ stdout }) => (stdout.match(/^\d+$/gm) ?? []).map(Number));
  }
}

/** All processes of a run. */
export class Fleet implements AsyncDisposable {
  readonly server: NatsServer;
  readonly nodes: readonly FleetNode[];
  readonly auditor: Auditor;
  readonly options: FleetOptions;
  readonly #engine: ClusterEngine;
  readonly #viewers: Program;

  static async start(options: FleetOptions): Promise<Fleet> {
    const server = await NatsServer.start();
    const { leaseMs, viewersPerNode } = options;
    const names = Array.from({ length: options.nodes }, (_, index) => `node-${index + 1}`);
    const nodes = await Promise.all(names.map((name) => FleetNode.start(name, server, options)));
    const engine = await natsEngine({ servers: server.servers, leaseMs });
    const endpoints = nodes.map(({ port }) => `tcp:127.0.0.1:${port}`).join(" ");
    const viewers = new Program("viewers", typescript("tools/faults/viewers.ts", endpoints, String(viewersPerNode)));
    const fleet = new Fleet(options, server, nodes, engine, await Auditor.of(engine), viewers);
    await fleet.settle();
    return fleet;
  }

  private constructor(
    options: FleetOptions,
    server: NatsServer,
    nodes: readonly FleetNode[],
    engine: ClusterEngine,
    auditor: Auditor,
    viewers: Program,
  ) {
    this.options = options;
    this.server = server;
    this.nodes = nodes;
    this.auditor = auditor;
    this.#engine = engine;
    this.#viewers = viewers;
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
    await this.server[Symbol.asyncDispose]();
  }
}
