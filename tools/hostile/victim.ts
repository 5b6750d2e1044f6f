/** The process under attack: a server or a client with default options. It reports what the attack costs. */

import { Avatar, getPages, RemoteCache, remoteCache, RemoteCopy, remoteCopy, Root } from "@pb/broker";
import { FilePasswordDB, InMemoryUsernamePasswordChecker, login, Portal, UsernamePassword } from "@pb/cred";
import { TypeRegistry } from "@pb/jelly-types";
import { connect, listen } from "@pb/node-transport";
import type { Server } from "@pb/node-transport";
import { readFileSync } from "node:fs";
import { getHeapStatistics } from "node:v8";

export type Role = "root" | "portal" | "file" | "client";

/** A request of the harness. `visit`: connect to this port and use the server there. */
export type Request =
  | { readonly kind: "usage"; readonly reset?: boolean }
  | { readonly kind: "visit"; readonly port: number; readonly how: "ask" | "pages" | "login" }
  | { readonly kind: "drain"; readonly drainMs: number };

/** What the process has used since its start; the heap and the slice since the last request with `reset`. */
export interface Usage {
  readonly cpuSeconds: number;
  /** The most memory that the process has had. */
  readonly rssMiB: number;
  /** The largest heap of V8 with the buffers outside of it. */
  readonly heapMiB: number;
  /** The longest turn of the event loop, in milliseconds of processor time. */
  readonly sliceMs: number;
  /** Bytes that a server has read on its open connections. */
  readonly received: number;
}

/** A class with an accessor and a method, which no state from a peer may replace. */
class Order extends RemoteCopy {
  declare readonly items: string;
  get total(): string {
    return `computed ${this.items}`;
  }
  override toString(): string {
    return "an order";
  }
}

class Stock extends RemoteCache {
  static readonly parameters = { set: ["price"] };
  observe_set(price: unknown): string {
    return typeof price;
  }
}

class Target extends Root {
  remote_echo = (): null => null;
  readonly #held: unknown[] = [];
  remote_never = (value: unknown): Promise<void> => new Promise((resolve) => this.#held.push([value, resolve]));
  remote_fetch = (): Uint8Array => new Uint8Array(600_000);
  remote_total = (order: Order): string => order.total;
  remote_show = (order: Order): string => String(order);
}

const types = new TypeRegistry()
  .register(remoteCopy("hostile.Order", Order))
  .register(remoteCache("hostile.Stock", Stock));

class User extends Avatar {}

const realm = { requestAvatar: () => ({ avatar: new User() }) };
const key = "A".repeat(43);
const verifier = `{SCRAM-SHA-256}4096,c2FsdA==,${key}=,${key}=`;
const users = Array.from({ length: 10_000 }, (_, index) => `user${index}:${verifier}\n`).join("");
const rootOf = {
  root: () => new Target(),
  portal: () => new Portal(realm, [new InMemoryUsernamePasswordChecker({ alice: "secret" })]),
  file: () => new Portal(realm, [new FilePasswordDB({ read: () => users }, { stores: ["scram-sha-256"] })]),
};

const CLOCK_MS = 4;
let peakHeap = 0;
let longestSlice = 0;
let last = busyNs();

/** A number in a file of Linux; undefined on other systems. */
function fromProc(file: string, pattern: RegExp): number | undefined {
  try {
    return Number(pattern.exec(readFileSync(`/proc/self/${file}`, "latin1"))![1]);
  } catch {
    return undefined;
  }
}

/** Processor time of the main thread, in nanoseconds; where it is not known, of all threads. */
function busyNs(): number {
  const { user, system } = process.cpuUsage();
  return fromProc(`task/${process.pid}/schedstat`, /^(\d+)/) ?? (user + system) * 1000;
}

/** In KiB. Node's `maxRSS` also counts the parent process before this process was started. */
const peakRss = (): number => fromProc("status", /VmHWM:\s+(\d+)/) ?? process.resourceUsage().maxRSS;

function tick(): void {
  const now = busyNs();
  longestSlice = Math.max(longestSlice, (now - last) / 1e6);
  last = now;
  const { used_heap_size: heap, external_memory: outside } = getHeapStatistics();
  peakHeap = Math.max(peakHeap, heap + outside);
}

function usage(reset = false): Usage {
  tick();
  const { user, system } = process.cpuUsage();
  const result = {
    cpuSeconds: (user + system) / 1e6,
    rssMiB: peakRss() / 1024,
    heapMiB: peakHeap / 2 ** 20,
    sliceMs: longestSlice,
    received: [...(server?.connections ?? [])].reduce((sum, each) => sum + each.stats().bytesReceived, 0),
  };
  if (reset) longestSlice = peakHeap = 0;
  return result;
}

async function visit(port: number, how: "ask" | "pages" | "login"): Promise<void> {
  const connection = await connect(`tcp:127.0.0.1:${port}`, { broker: { types } });
  const root = await connection.getRootObject();
  switch (how) {
    case "ask":
      await root.callRemote("ask");
      break;
    case "login":
      await login(connection, new UsernamePassword("alice", "secret"), null, { timeoutMs: 500 });
      break;
    case "pages":
      for await (const _ of getPages(root, "pages")) await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

const role = process.argv[2] as Role;
setInterval(tick, CLOCK_MS).unref();
let server: Server | undefined;
if (role === "client") {
  const root = new Target(); // The good server of the harness calls it.
  await connect(`tcp:127.0.0.1:${process.argv[3]!}`, { broker: { root, types } });
} else server = await listen("tcp:0:interface=127.0.0.1", rootOf[role](), { broker: { types } });
process.send!({ port: server?.port ?? 0 });

process.on("disconnect", () => process.exit());
process.on("message", (request: Request) => {
  const start = performance.now();
  if (request.kind === "usage") process.send!(usage(request.reset));
  else if (request.kind === "visit") visit(request.port, request.how).catch(() => undefined);
  else void server!.close({ drainMs: request.drainMs }).then(() => process.send!({ ms: performance.now() - start }));
});
