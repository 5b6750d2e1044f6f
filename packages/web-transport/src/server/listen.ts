// Serves MessagePorts: one port, the page that started a worker, the pages of a shared worker, or other windows.

import type { RootSource } from "@pb/broker";
import { isPort, listenTo } from "../link/port-like.js";
import { refusePort } from "../link/port-link.js";
import type { PortLike } from "../link/port-like.js";
import { originPolicy } from "./origins.js";
import { originError, WebServer } from "./web-server.js";
import type { WebServerOptions } from "./web-server.js";

/** The message that carries a port to another window. */
const PORT_MESSAGE = "pb:port";

/** Something that receives ports: the global scope of a shared worker, or a window. */
export interface PortSource {
  addEventListener(type: string, listener: (event: unknown) => void): void;
  removeEventListener(type: string, listener: (event: unknown) => void): void;
}

/**
 * Serves a root over ports until the result is closed:
 *
 * - `listen(port, root)`: a MessagePort, or a worker that this program has started.
 * - `listen(globalThis, root)` in a worker: the page that started it. In a shared worker: every page that connects.
 * - `listen(window, root, { origins })`: pages of these origins that connect with {@link openPort}, such as the page
 *   around an iframe. `self` stands for the origin of the window.
 *
 * In a worker, call it before the first `await`, because a worker loses the ports of pages that connect earlier. Throws
 * `TypeError` for a bad option, and for a window without `origins`.
 */
export function listen(source: PortLike | PortSource, root: RootSource, options: WebServerOptions = {}): WebServer {
  if ("document" in source) return listenToWindow(source as unknown as PortSource & Window, root, options);
  const server = new WebServer(root, options);
  if ("onconnect" in source) {
    const stop = listenTo(source as unknown as PortLike, "connect", (event) => {
      server.acceptPort((event as { readonly ports: readonly PortLike[] }).ports[0]!);
    });
    return stopWith(server, stop);
  }
  if (!isPort(source)) throw new TypeError("Expected a MessagePort, a worker, the scope of a worker, or a window");
  server.acceptPort(source);
  return server;
}

/** What is used of a window. */
interface Window {
  readonly location: { readonly host: string };
}

/** The message of another window. */
interface WindowMessage {
  readonly data: unknown;
  readonly origin: string;
  readonly ports: readonly PortLike[];
}

function listenToWindow(window: PortSource & Window, root: RootSource, options: WebServerOptions): WebServer {
  if (options.origins === undefined)
    throw new TypeError("A window receives messages from any page: name the allowed ones in the option origins");
  const isAllowed = originPolicy(options.origins);
  const server = new WebServer(root, options);
  const stop = listenTo(window as unknown as PortLike, "message", (event) => {
    const { data, origin, ports } = event as WindowMessage;
    const [port] = ports;
    // The other messages are not for this library.
    if (data !== PORT_MESSAGE || port === undefined) return;
    if (isAllowed(origin, window.location.host)) server.acceptPort(port);
    else {
      server.reportFailure(`window:${origin}`, originError(origin));
      refusePort(port);
    }
  });
  return stopWith(server, stop);
}

function stopWith(server: WebServer, stop: () => void): WebServer {
  server.onClose(stop);
  return server;
}

/** What is used of another window, such as that of an iframe. */
export interface OtherWindow {
  postMessage(message: unknown, targetOrigin: string, transfer: never[]): void;
}

/**
 * Sends one end of a new MessageChannel to a window that listens, and returns the other for `connect`. `origin` is that
 * of the page that must be in the window; the browser delivers to no other. For an iframe, wait for its event `load`.
 */
export function openPort(window: OtherWindow, origin: string): PortLike {
  const { port1, port2 } = new MessageChannel();
  window.postMessage(PORT_MESSAGE, origin, [port2] as never[]);
  return port1;
}
