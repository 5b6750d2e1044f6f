// Runs in a page of a real browser: the contract over WebSockets, workers and windows. Posts each result to the test.

import { connect, openPort, reconnecting } from "@pb/web-transport";
import type { PortLike } from "@pb/web-transport";
import { allVerdicts } from "../interop/client.js";
import type { Target, Verdict } from "../interop/client.js";
import type { Dialect, Variant } from "../interop/contract.js";

/** What the page has besides the types of Node. */
declare class Worker extends EventTarget {
  constructor(url: string, options: { type: "module" });
  postMessage(message: unknown, transfer?: unknown[]): void;
}
declare class SharedWorker {
  constructor(url: string, options: { type: "module" });
  readonly port: PortLike;
}
declare const document: {
  readonly body: { append(element: object): void };
  createElement(name: string): EventTarget & { src: string; readonly contentWindow: { postMessage(): void } };
};
declare const location: { readonly origin: string };

/** What a scenario returns: the verdicts of the contract, or a value. */
const scenarios: Readonly<Record<string, () => Promise<unknown>>> = {
  "page to server over WebSocket, root, pb": () => contract("root", "pb", overWebSocket("root")),
  "page to server over WebSocket, root, none": () => contract("root", "none", overWebSocket("root")),
  "page to server over WebSocket, portal, pb": () => contract("portal", "pb", overWebSocket("portal")),
  "page to worker over MessagePort, root, pb": () => contract("root", "pb", toWorker("root")),
  "page to worker over MessagePort, portal, pb": () => contract("portal", "pb", toWorker("portal")),
  "worker to server over WebSocket, root, pb": () =>
    new Promise((resolve) => {
      const worker = new Worker("/worker.js", { type: "module" });
      worker.addEventListener("message", (event) => resolve((event as MessageEvent).data));
      worker.postMessage({ run: "root" });
    }),
  "a worker that serves": () => echo(new Worker("/echo.js", { type: "module" })),
  "a shared worker that serves two pages": async () => {
    const one = await echo(new SharedWorker("/echo.js", { type: "module" }).port);
    return [one, await echo(new SharedWorker("/echo.js", { type: "module" }).port)];
  },
  "an iframe that serves its parent": async () => {
    const frame = document.createElement("iframe");
    const loaded = new Promise((resolve) => frame.addEventListener("load", resolve));
    frame.src = "/frame";
    document.body.append(frame);
    await loaded;
    return echo(openPort(frame.contentWindow, location.origin));
  },
  "a worker that cannot be started": () =>
    connect(new Worker("/missing.js", { type: "module" }) as never).then(
      () => "connected",
      (error: unknown) => ((error as Error).cause as { code?: string }).code,
    ),
  "a server that is not there": () =>
    connect("/nothing").then(
      () => "connected",
      (error: unknown) => (error as { code?: string }).code,
    ),
  "a client whose server was replaced": async () => {
    const client = reconnecting<{ remote_echo(x: number): number }>("/root", { backoff: { firstMs: 50 } });
    const first = await client.callRemote("echo", 1);
    const lost = new Promise((resolve) => client.onState(({ is }) => is === "waiting" && resolve(undefined)));
    await fetch("/replace", { method: "POST" });
    await lost;
    return [first, await client.callRemote("echo", 2)];
  },
};

const contract = (variant: Variant, dialect: Dialect, open: Target["connect"]): Promise<Verdict[]> =>
  allVerdicts({ variant, dialect, connect: open });

function overWebSocket(variant: Variant): Target["connect"] {
  return (broker) => connect(`/${variant}`, { broker });
}

/** The server half runs in a worker. */
function toWorker(variant: Variant): Target["connect"] {
  const worker = new Worker("/worker.js", { type: "module" });
  return (broker) => {
    const { port1, port2 } = new MessageChannel();
    worker.postMessage({ serve: variant }, [port2]);
    return connect(port1, { broker });
  };
}

async function echo(target: PortLike): Promise<unknown> {
  await using connection = await connect(target);
  const root = await connection.getRootObject();
  return ((await root.callRemote("echo", "x".repeat(600_000))) as string).length;
}

for (const [name, run] of Object.entries(scenarios)) {
  const outcome = await run().catch((error: unknown) => `failed: ${String(error)}`);
  await fetch("/result", { method: "POST", body: JSON.stringify({ name, outcome }) });
}
await fetch("/result", { method: "POST", body: JSON.stringify({ name: "done", outcome: null }) });
