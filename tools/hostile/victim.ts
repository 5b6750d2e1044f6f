/** The process under attack: a server or a client with default options. It reports what the attack costs. */

import type { Broker } from "@pb/broker";
import {
  Avatar,
  getPages,
  RemoteCache,
  remoteCache,
  RemoteCopy,
  remoteCopy,
  RemotePublished,
  remotePublished,
  Root,
} from "@pb/broker";
import {
  AllowAnonymousAccess,
  BearerToken,
  FilePasswordDB,
  InMemoryUsernamePasswordChecker,
  login,
  Portal,
  ScramVerifier,
  UsernamePassword,
} from "@pb/cred";
import { Decimal, TypeRegistry } from "@pb/jelly-types";
import { Live, liveView, LiveView } from "@pb/live";
import { connect, listen, reconnecting } from "@pb/node-transport";
import type { Server } from "@pb/node-transport";
import { connect as connectWeb } from "@pb/web-transport";
import { listen as listenWeb } from "@pb/web-transport/node";
import type { NodeWebServer } from "@pb/web-transport/node";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import type { Server as HttpServer } from "node:http";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { getHeapStatistics } from "node:v8";
import { WebSocket, WebSocketServer } from "ws";
import { urlOf } from "./transports.js";
import type { Over } from "./transports.js";

/** `open` has no limits. `proxied` is behind a proxy at 127.0.0.1. `plain` drops bytes, without `@pb`. */
export type Role = "root" | "portal" | "guests" | "file" | "open" | "proxied" | "client" | "plain";

/** What a client does with a server. */
export type Visit = "ask" | "pages" | "login" | "print" | "token" | "hold" | "live" | "stream" | "once" | "open";

/** A request of the harness. `visit`: connect to this port and use the server there. `listen`: on a UNIX socket. */
export type Request =
  | { readonly kind: "usage"; readonly reset?: boolean }
  | { readonly kind: "visit"; readonly port: number; readonly how: Visit }
  | { readonly kind: "listen"; readonly path: string }
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

class Page extends RemotePublished {}

/** Prints the keys. */
const store = {
  load(key: string): undefined {
    console.log(`loads ${key}.`);
  },
  save(key: string): void {
    console.log(`saves ${key}.`);
  },
};

class Target extends Root {
  remote_echo = (): null => null;
  async *remote_stream(): AsyncGenerator<Uint8Array> {
    for (;;) yield new Uint8Array(60_000);
  }
  async *remote_blobs(): AsyncGenerator<Uint8Array> {
    for (;;) yield new Uint8Array(600_000);
  }
  readonly #board = new Live<{ text: string }>({ text: "" });
  remote_board = (): Live<{ text: string }> => this.#board;
  remote_change = (): void => this.#board.update((draft) => void (draft.text = String(++this.#changes).padEnd(60_000)));
  #changes = 0;
  remote_page = (): Uint8Array => new Uint8Array(60_000);
  readonly #held: unknown[] = [];
  remote_never = (value: unknown): Promise<void> => new Promise((resolve) => this.#held.push([value, resolve]));
  remote_fetch = (): Uint8Array => new Uint8Array(600_000);
  remote_parse = (text: string): boolean => {
    try {
      return Decimal.parse(text).exponent > 0;
    } catch {
      return false;
    }
  };
  remote_total = (order: Order): string => order.total;
  remote_show = (order: Order): string => String(order);
}

const newTypes = (): TypeRegistry =>
  new TypeRegistry()
    .register(remoteCopy("hostile.Order", Order))
    .register(remoteCache("hostile.Stock", Stock))
    .register(remotePublished("hostile.Page", Page, store, ({ peer }) => peer.description));
const types = newTypes();

/** Names the form of packed states at the start of a connection, so its first call has another id. */
const viewerTypes = newTypes().register(liveView());

class User extends Avatar {}

const realm = { requestAvatar: () => ({ avatar: new User() }) };
const key = "A".repeat(43);
const verifier = `{SCRAM-SHA-256}4096,c2FsdA==,${key}=,${key}=`;
const strangers = Array.from({ length: 10_000 }, (_, index) => `user${index}:${verifier}\n`).join("");
const users = `alice:${(await ScramVerifier.of("secret")).toText()}\n${strangers}`;
const passwords = (): InMemoryUsernamePasswordChecker =>
  new InMemoryUsernamePasswordChecker({ alice: "secret", bob: "hunter2" });
const MANY = 1e9;
const noLoginLimits = { failuresPerAddress: MANY, failuresPerName: MANY, failuresPerNameEverywhere: MANY };
const noLimits = { connections: MANY, connectionsPerAddress: MANY, newcomersPerAddress: MANY, negotiating: MANY };
const rootOf = {
  root: () => new Target(),
  portal: () => new Portal(realm, [passwords()]),
  guests: () => new Portal(realm, [passwords(), new AllowAnonymousAccess()]),
  file: () => new Portal(realm, [new FilePasswordDB({ read: () => users }, { stores: ["scram-sha-256"] })]),
  open: () => new Portal(realm, [passwords()], { limits: noLoginLimits }),
  proxied: () => new Portal(realm, [passwords()]),
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
    received: dropped + [...(server?.connections ?? [])].reduce((sum, each) => sum + each.stats().bytesReceived, 0),
  };
  if (reset) longestSlice = peakHeap = 0;
  return result;
}

const held: unknown[] = [];

function connectTo(port: number, how: Visit): Promise<Broker> {
  const broker = { types: how === "live" ? viewerTypes : types };
  if (how === "token") return connect({ type: "tls", host: "127.0.0.1", port }, { broker, tls: { verify: false } });
  return over === "tcp"
    ? connect(`tcp:127.0.0.1:${port}`, { broker })
    : connectWeb(urlOf(port), { broker, webSocket: UnpausableWebSocket });
}

/** A program with many listeners, most of which look at a part of the state. */
function observe(view: unknown): void {
  if (!(view instanceof LiveView)) return;
  held.push(view);
  for (let left = 1000; left > 0; left--) view.select((state) => state).subscribe(() => undefined);
  view.subscribe(() => {
    if ("polluted" in {}) console.log("polluted");
  });
}

/** Cannot stop reading, as the WebSockets of browsers. */
class UnpausableWebSocket extends WebSocket {}
for (const name of ["pause", "resume"])
  Object.defineProperty(UnpausableWebSocket.prototype, name, { value: undefined });

/** How a connection ends, or why there is none. */
const endOf = async (port: number): Promise<unknown> => (await connectTo(port, "open")).closed;

async function visit(port: number, how: Visit): Promise<void> {
  if (how === "open") {
    console.log(String(await endOf(port).catch((error: unknown) => error)));
    return;
  }
  if (how === "once") {
    const client = reconnecting(`tcp:127.0.0.1:${port}`, { broker: { types } });
    await client.with({ once: true, timeoutMs: 5000 }).callRemote("ask");
    return;
  }
  const connection = await connectTo(port, how);
  if (how === "token") {
    await login(connection, new BearerToken("a secret token"));
    return;
  }
  const root = await connection.getRootObject();
  switch (how) {
    case "ask":
      await root.callRemote("ask");
      break;
    case "print":
      await root.callRemote("ask").catch((error: unknown) => console.log(error, String(error)));
      console.log(String(await connection.closed));
      break;
    case "hold":
      for (;;) held.push(await root.callRemote("ask"));
    case "login":
      await login(connection, new UsernamePassword("alice", "secret"), null, { timeoutMs: 500 });
      break;
    case "live":
      observe(await root.callRemote("ask"));
      break;
    case "stream":
      for await (const _ of (await root.callRemote("ask")) as AsyncIterable<unknown>) await sleep(1000);
      break;
    case "pages":
      for await (const _ of getPages(root, "pages")) await sleep(1000);
  }
}

let dropped = 0;

/** Reads and drops what arrives. Returns the port. */
async function listenPlainly(): Promise<number> {
  const drop = (data: Uint8Array): void => void (dropped += data.length);
  const sockets = over === "tcp" ? createServer() : createHttpServer();
  if (over === "tcp")
    sockets.on("connection", (socket: Socket) => socket.on("error", () => undefined).on("data", drop));
  else new WebSocketServer({ server: sockets as HttpServer }).on("connection", (socket) => socket.on("message", drop));
  await once(sockets.listen(0, "127.0.0.1"), "listening");
  return (sockets.address() as AddressInfo).port;
}

const [, , role, over, goodPort] = process.argv as [string, string, Role, Over, string];
setInterval(tick, CLOCK_MS).unref();
let server: Server | NodeWebServer | undefined;
let port: number | undefined;
if (role === "client" || role === "plain") {
  const root = new Target(); // The good server of the harness calls it.
  await connect(`tcp:127.0.0.1:${goodPort}`, { broker: { root, types } });
  if (role === "plain") port = await listenPlainly();
} else {
  const options = {
    broker: { types },
    ...(role === "proxied" ? { trustProxies: ["127.0.0.1"] } : {}),
    ...(role === "open" ? { limits: { ...noLimits, strangers: MANY } } : {}),
  };
  server =
    over === "tcp"
      ? await listen("tcp:0:interface=127.0.0.1", rootOf[role](), options)
      : await listenWeb("ws:0:interface=127.0.0.1:path=/pb", rootOf[role](), options);
}
process.send!({ port: port ?? server?.port ?? 0 });

process.on("disconnect", () => process.exit());
process.on("message", (request: Request) => {
  const start = performance.now();
  if (request.kind === "usage") process.send!(usage(request.reset));
  else if (request.kind === "visit") visit(request.port, request.how).catch(() => undefined);
  else if (request.kind === "listen") {
    listen(`unix:${request.path}`, rootOf.root()).then(
      () => process.send!({ error: "" }),
      (error: unknown) => process.send!({ error: String(error) }),
    );
  } else void server!.close({ drainMs: request.drainMs }).then(() => process.send!({ ms: performance.now() - start }));
});
