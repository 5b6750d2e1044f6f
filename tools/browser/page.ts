// Runs in a page of a real browser: the contract over WebSockets, workers and windows, and what goes wrong there.

import type { Broker } from "@pb/broker";
import { connect, openPort, reconnecting } from "@pb/web-transport";
import type { PortLike, ReconnectingClient } from "@pb/web-transport";
import type { Target } from "../interop/client.js";
import type { Variant } from "../interop/contract.js";
import { report, runClient, runContracts } from "./client.js";
import type { House } from "./house.js";

/** What the page has besides the types of Node. */
declare class Worker extends EventTarget {
  constructor(url: string, options: { type: "module" });
  postMessage(message: unknown, transfer?: unknown[]): void;
  terminate(): void;
}
declare class SharedWorker {
  constructor(url: string, options: { type: "module"; name?: string });
  readonly port: PortLike;
}
interface Frame extends EventTarget {
  src: string;
  readonly contentWindow: { postMessage(): void };
  remove(): void;
}
declare const document: { readonly body: { append(element: object): void }; createElement(name: string): Frame };
declare const location: { readonly origin: string; readonly port: string };

const isModule = { type: "module" } as const;
const order = async (path: string): Promise<string> => (await fetch(path, { method: "POST" })).text();
const codeOf = (error: unknown): unknown => (error as { readonly code?: string }).code;

async function openFrame(url: string): Promise<Frame> {
  const frame = document.createElement("iframe");
  const loaded = new Promise((resolve) => frame.addEventListener("load", resolve));
  frame.src = url;
  document.body.append(frame);
  await loaded;
  return frame;
}

/** A worker that serves every port that is posted to it. */
function overMessagePort(variant: Variant): Target["connect"] {
  const newPort = portsOf(`/serve.js?ports&root=${variant}`);
  return (broker) => connect(newPort(), { broker });
}

/** Starts a worker. The function that is returned makes a port to it. */
function portsOf(url: string): () => PortLike {
  const worker = new Worker(url, isModule);
  return () => {
    const { port1, port2 } = new MessageChannel();
    worker.postMessage("serve", [port2]);
    return port1;
  };
}

/** A new worker for each check, which can be connected once: a second connection of the check uses a port to it. */
function overWorker(variant: Variant): Target["connect"] {
  let current: { worker: Worker; more: PortLike; connection: Broker } | undefined;
  return async (broker) => {
    if (current?.connection.isOpen === true) {
      const { port1, port2 } = new MessageChannel();
      current.more.postMessage("serve", [port2] as never[]);
      return connect(port1, { broker });
    }
    current?.worker.terminate();
    const worker = new Worker(`/serve.js?ports&root=${variant}`, isModule);
    const { port1, port2 } = new MessageChannel();
    worker.postMessage("listen", [port2]);
    const connection = await connect(worker, { broker });
    current = { worker, more: port1, connection };
    return connection;
  };
}

/** A shared worker for each row: its name makes it another one. */
function overSharedWorker(variant: Variant, name: string): Target["connect"] {
  return (broker) => connect(new SharedWorker(`/serve.js?root=${variant}`, { ...isModule, name }).port, { broker });
}

function overFrame(variant: Variant): Target["connect"] {
  const opened = openFrame(`/serve.html?root=${variant}`);
  return async (broker) => connect(openPort((await opened).contentWindow, location.origin), { broker });
}

/** Fast enough that a test does not wait. */
const liveness = { intervalMs: 50, answerMs: 500 };

const options = { backoff: { firstMs: 50 } };

/** Breaks the connection of the client twice: a plain call is lost, one with `once` runs once, and references last. */
async function useThroughBreaks(client: ReconnectingClient<House>): Promise<unknown> {
  await using _ = client;
  const room = client.path("room", "lobby");
  let setups = 0;
  const setUpAgain = new Promise<void>((resolve) => {
    client.standing(async (root) => {
      await root.callRemote("echo", setups);
      if (++setups === 3) resolve();
    });
  });
  const before = await room.callRemote("say", "before");
  const lost = await client.callRemote("pay").catch((error: unknown) => (error as Error).name);
  const runs = await client.with({ once: true }).callRemote("pay");
  const after = await room.callRemote("say", "after");
  await setUpAgain;
  return [before, lost, runs, after];
}

/** What a scenario returns. */
const scenarios: Readonly<Record<string, () => Promise<unknown>>> = {
  "a worker that cannot be started": () =>
    connect(new Worker("/missing.js", isModule) as never).then(
      () => "connected",
      (error: unknown) => codeOf((error as Error).cause),
    ),

  async "a worker that was terminated"() {
    const worker = new Worker("/serve.js?root=root", isModule);
    const connection = await connect(worker, { liveness });
    worker.terminate();
    const root = await connection.getRootObject();
    const pending = root.callRemote("echo", 1).catch((error: unknown) => (error as Error).name);
    return [(await connection.closed).reason, await pending];
  },

  async "an iframe that was removed"() {
    const frame = await openFrame("/serve.html?root=root");
    const connection = await connect(openPort(frame.contentWindow, location.origin), { liveness });
    frame.remove();
    const { reason } = await connection.closed;
    // A browser that reports the end of a port does so before the check.
    return ["lost", "unresponsive"].includes(reason);
  },

  async "a window of another origin"() {
    const refused = new Promise((resolve) =>
      addEventListener("message", (event) => resolve((event as { data: unknown }).data)),
    );
    const origin = `http://localhost:${location.port}`;
    const frame = await openFrame(`${origin}/serve.html?root=root`);
    const error = connect(openPort(frame.contentWindow, origin)).catch((reason: unknown) => (reason as Error).name);
    return [await refused, await error];
  },

  "a server that is not there": () => connect("/nothing").then(() => "connected", codeOf),

  async "a client whose server was killed and started again"() {
    const client = reconnecting<{ remote_echo(x: number): number; remote_wait(): void }>(
      await order("/start"),
      options,
    );
    const first = await client.callRemote("echo", 1);
    const pending = client.callRemote("wait").catch((error: unknown) => (error as Error).name);
    const lost = new Promise((resolve) => client.onState(({ is }) => is === "waiting" && resolve(undefined)));
    await order("/kill");
    await lost;
    const next = client.callRemote("echo", 2);
    await order("/start");
    return [first, await pending, await next];
  },

  "lasting references and calls that run once, WebSocket": async () =>
    useThroughBreaks(reconnecting<House>(await order("/start"), options)),

  "lasting references and calls that run once, MessagePort": () =>
    useThroughBreaks(reconnecting<House>(portsOf("/serve.js?ports&root=house"), options)),
};

declare function addEventListener(type: string, listener: (event: unknown) => void): void;

const place = (name: string): string => `/place.js?place=${encodeURIComponent(name)}`;
new Worker(place("worker"), isModule);
new SharedWorker(place("shared worker"), isModule);
void openFrame("/place.html?place=iframe");
void runClient("page");
void runContracts("MessagePort", ({ variant }) => overMessagePort(variant));
void runContracts("Worker", ({ variant }) => overWorker(variant));
void runContracts("SharedWorker", ({ variant, name }) => overSharedWorker(variant, name));
void runContracts("iframe", ({ variant }) => overFrame(variant));
for (const [name, run] of Object.entries(scenarios)) await report(name, run);
