// An object to call, a server on a free port, and helpers to wait.

import { Root } from "@pb/broker";
import type { Broker } from "@pb/broker";
import type { ConnectOptions, ServerEvent } from "@pb/web-transport";
import { connect } from "@pb/web-transport";
import { listen } from "@pb/web-transport/node";
import type { ListenOptions, NodeWebServer } from "@pb/web-transport/node";
import { WebSocket } from "ws";

export class Echo extends Root {
  remote_echo<T>(value: T): T {
    return value;
  }

  remote_wait(): Promise<never> {
    return new Promise(() => undefined);
  }
}

/** A server at the path `/pb` of a free port of loopback, and the events that it has reported. */
export async function startServer(
  options: ListenOptions = {},
): Promise<AsyncDisposable & { readonly server: NodeWebServer; readonly url: string; readonly events: ServerEvent[] }> {
  const events: ServerEvent[] = [];
  const server = await listen("ws:0:interface=127.0.0.1:path=/pb", new Echo(), options);
  server.onEvent((event) => events.push(event));
  const url = `ws://127.0.0.1:${server.port}/pb`;
  return { server, url, events, [Symbol.asyncDispose]: () => server.close() };
}

/** Connects with the WebSocket of `ws`, as Node 20 has none. */
export function connectTo(url: string, options?: ConnectOptions): Promise<Broker> {
  return connect(url, { webSocket: WebSocket, ...options });
}

/** Has only what the WebSocket of a browser has. */
export class UnpausableWebSocket extends WebSocket {}
for (const name of ["pause", "resume", "terminate"])
  Object.defineProperty(UnpausableWebSocket.prototype, name, { value: undefined });

export async function echo<T>(connection: Broker, value: T): Promise<T> {
  const root = await connection.getRootObject<Echo>();
  return (await root.callRemote("echo", value)) as T;
}

/** Resolves when the condition is true. The timeout of the test ends one that hangs. */
export async function until(condition: () => unknown): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Resolves with the error of a promise that must reject. */
export function errorOf(promise: Promise<unknown>): Promise<Error & { readonly code?: string }> {
  return promise.then(
    () => Promise.reject(new Error("it did not reject")),
    (error: unknown) => error as Error,
  );
}
