/** Starts a victim, gives an attack a connection to it, and measures a second connection that behaves well. */

import assert from "node:assert/strict";
import { Root } from "@pb/broker";
import type { Broker } from "@pb/broker";
import { login, UsernamePassword } from "@pb/cred";
import { listen } from "@pb/node-transport";
import type { Server } from "@pb/node-transport";
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { AddressInfo, Server as SocketServer } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { transports } from "./transports.js";
import type { Over } from "./transports.js";
import type { Request, Role, Usage, Visit } from "./victim.js";
import { call, list, RawPeer } from "./wire.js";

/** The heap of a victim: that of a small machine. */
const HEAP_MIB = 512;
/** A victim that does not answer for this long is lost. */
const PATIENCE_MS = 120_000;
const PING_EVERY_MS = 10;
/** A victim rests when it has used less than this in {@link REST_MS}. */
const REST_SECONDS = 0.02;
const REST_MS = 100;

/** The address of the second connection to a server. */
export const SECOND = "127.0.0.50";

class Empty extends Root {}

export class Victim implements AsyncDisposable {
  readonly role: Role;
  readonly program: string;
  readonly over: Over;
  port = 0;
  /** What the process printed, warnings and crashes included. */
  log = "";
  /** Bytes that the attack sent. */
  sent = 0;
  /** Whether the second connection may end. */
  isClosing = false;
  readonly #child: ChildProcess;
  /** Resolves when the process has ended. */
  readonly exited: Promise<void>;
  readonly #good: Server;
  #second!: Broker;
  #latencies: number[] = [];

  private constructor(role: Role, program: string, over: Over, good: Server) {
    this.role = role;
    this.program = program;
    this.over = over;
    this.#good = good;
    const execArgv = [`--max-old-space-size=${HEAP_MIB}`];
    this.#child = fork(program, [role, over, String(good.port)], {
      execArgv,
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    for (const output of [this.#child.stdout!, this.#child.stderr!])
      output.setEncoding("utf8").on("data", (data: string) => (this.log += data));
    this.exited = once(this.#child, "exit").then(() => undefined);
  }

  /** A client that is a victim visits a good server too, whose connection is then the second one. */
  static async start(role: Role, program: string, over: Over): Promise<Victim> {
    let arrive!: (visitor: Broker) => void;
    const visitor = new Promise<Broker>((resolve) => (arrive = resolve));
    const options = { onConnection: arrive, liveness: false } as const;
    const good = await listen("tcp:0:interface=127.0.0.1", new Empty(), options);
    const victim = new Victim(role, program, over, good);
    const started = (await victim.#next()) as { readonly port: number } | undefined;
    if (started === undefined) throw new Error(`The victim did not start:\n${victim.log}`);
    victim.port = started.port;
    const isClient = role === "client" || role === "plain";
    victim.#second = isClient ? await visitor : await victim.connect(SECOND);
    if (!isClient && role !== "root") await login(victim.#second, new UsernamePassword("alice", "secret"));
    void victim.#measureLatencies();
    return victim;
  }

  /**
   * A connection to the victim; with a client that is a victim, its connection, which has sent a call. The id of the
   * call is 1, unless it asks for a view.
   */
  async attacker(how: Visit = "ask"): Promise<RawPeer> {
    if (this.role !== "client") return this.peer("initiator");
    const { server, event } = transports[this.over].server();
    const peer = new RawPeer(await this.visitor(server, how, event), "listener");
    peer.called = await peer.nextCall();
    const id = peer.called?.[1];
    if (peer.isOpen && how !== "live") assert.equal(id, 1, "the attack answers another call than that of the client");
    return peer;
  }

  /** Connects to the victim from an address, as a proxy with this header if there is one. Negotiates as `initiator`. */
  async peer(initiator?: "initiator", from = "127.0.0.1", header?: string): Promise<RawPeer> {
    const role = this.role === "plain" ? undefined : initiator;
    const { stream, opened } = transports[this.over].open(this.port, from, header);
    const peer = new RawPeer(stream, role);
    await Promise.race([opened, peer.closed]);
    if (role !== undefined) await peer.next("version");
    return peer;
  }

  /** The same, as a client that behaves well. */
  connect(from: string, header?: string): Promise<Broker> {
    return transports[this.over].connect(this.port, from, header);
  }

  /** Makes the client connect to `server`, and returns the stream. */
  async visitor(server: SocketServer, how: Visit, event: string): Promise<Duplex> {
    await once(server.listen(0, "127.0.0.1"), "listening");
    this.#child.send({ kind: "visit", port: (server.address() as AddressInfo).port, how } satisfies Request);
    const [socket] = (await once(server, event)) as [Duplex];
    server.close();
    return socket;
  }

  /** Makes the process listen on a UNIX socket. Resolves with its error, or empty text. */
  async listen(path: string): Promise<string> {
    return ((await this.#request({ kind: "listen", path })) as { readonly error: string } | undefined)?.error ?? "";
  }

  /** Sends bytes and waits until the victim has read them, or has ended the connection. */
  async send(peer: RawPeer, bytes: Uint8Array): Promise<void> {
    this.sent += bytes.length;
    await peer.write(bytes);
    let answer = await peer.ask(list("message", 99, "", "", 1, list("tuple"), list("dictionary")));
    while (answer !== undefined && answer[1] !== 99) answer = await peer.next("answer", "error");
  }

  /** Sends a value as an argument, or to a client as the result of its call. */
  async sendValue(value: Uint8Array): Promise<void> {
    const peer = await this.attacker();
    await this.send(peer, this.role === "client" ? list("answer", 1, value) : call(value));
    peer.destroy();
  }

  /** Undefined when the process has ended, or does not answer anymore. */
  async usage(reset = false): Promise<Usage | undefined> {
    return (await this.#request({ kind: "usage", reset })) as Usage | undefined;
  }

  /** As {@link usage}, when the process has nothing left to do. */
  async usageAtRest(): Promise<Usage | undefined> {
    for (let last = await this.usage(); ;) {
      await sleep(REST_MS);
      const usage = await this.usage();
      if (last === undefined || usage === undefined) return undefined;
      if (usage.cpuSeconds - last.cpuSeconds < REST_SECONDS) return usage;
      last = usage;
    }
  }

  /** Closes the server gracefully. Resolves with the milliseconds that it took. */
  async drain(drainMs: number): Promise<number> {
    this.isClosing = true;
    const answer = (await this.#request({ kind: "drain", drainMs })) as { readonly ms: number } | undefined;
    return answer?.ms ?? Infinity;
  }

  /** The latencies of the second connection since the last call, in ascending order. Undefined when it was lost. */
  async latencies(): Promise<number[] | undefined> {
    const latencies = this.#latencies;
    this.#latencies = [];
    const last = await within(PATIENCE_MS, this.#second.ping()).catch(() => undefined);
    return last === undefined ? undefined : [...latencies, last].sort((a, b) => a - b);
  }

  /** Ends the process after so many milliseconds, unless the result is disposed of before. */
  endAfter(milliseconds: number): Disposable {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), milliseconds);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.exited;
    this.#second.terminate("closed");
    await this.#good.destroy();
  }

  async #measureLatencies(): Promise<void> {
    while (this.#second.isOpen) {
      await this.#second.ping().then(
        (latency) => this.#latencies.push(latency),
        () => undefined,
      );
      await sleep(PING_EVERY_MS);
    }
  }

  #request(request: Request): Promise<unknown> {
    if (!this.#child.connected) return Promise.resolve(undefined);
    this.#child.send(request, () => undefined);
    return this.#next();
  }

  /** The next message of the process. Undefined when it ends first, or does not answer. */
  async #next(): Promise<unknown> {
    const message = once(this.#child, "message").then(([first]) => first as unknown);
    return within(PATIENCE_MS, Promise.race([message, this.exited]));
  }
}

/** The result of a promise; undefined when it takes longer. */
export async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T | undefined> {
  const timer = new AbortController();
  try {
    return await Promise.race([promise, sleep(milliseconds, undefined, timer)]);
  } finally {
    timer.abort();
  }
}
