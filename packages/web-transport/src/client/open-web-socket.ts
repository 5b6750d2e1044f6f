// Opens a WebSocket, and makes a link of it before its first message can arrive.

import type { Peer } from "@pb/broker";
import { withDeadline } from "@pb/broker/extension";
import type { DeadlineOptions } from "@pb/broker/extension";
import { ConnectError } from "@pb/transport";
import { OPEN } from "../link/web-socket-like.js";
import type { WebSocketLike } from "../link/web-socket-like.js";
import { WebSocketLink } from "../link/web-socket-link.js";
import type { WebSocketLinkOptions } from "../link/web-socket-link.js";

/** Creates a WebSocket of the platform, or another one: `new WebSocket(url)`. */
export type WebSocketClass = new (url: string) => WebSocketLike;

/** The class of the platform. Throws `ConnectError` if it has none, as Node 20. */
export function platformWebSocket(): WebSocketClass {
  const { WebSocket } = globalThis as { readonly WebSocket?: WebSocketClass };
  if (WebSocket !== undefined) return WebSocket;
  const text = "This platform has no WebSocket: pass the class of the package ws as the option webSocket";
  throw new ConnectError("CONNECT_NO_WEBSOCKET", text);
}

/**
 * Resolves with a link when the WebSocket is open. Rejects with `ConnectError` when it cannot be opened, or not in
 * time, and with the reason of the signal. Then the WebSocket is closed.
 */
export async function openWebSocketLink(
  webSocket: WebSocketLike,
  role: "listener" | "initiator",
  peer: Peer,
  options: WebSocketLinkOptions,
  deadline: DeadlineOptions,
): Promise<WebSocketLink> {
  const timeoutError = (ms: number): Error =>
    new ConnectError("CONNECT_TIMEOUT", `${peer.description}: The WebSocket was not open within ${ms} ms`);
  try {
    return await withDeadline(deadline, timeoutError, () => opened(webSocket, role, peer, options));
  } catch (error) {
    webSocket.addEventListener("error", () => undefined); // `ws` reports that it was closed too early.
    webSocket.close();
    throw error;
  }
}

function opened(
  webSocket: WebSocketLike,
  role: "listener" | "initiator",
  peer: Peer,
  options: WebSocketLinkOptions,
): Promise<WebSocketLink> {
  return new Promise((resolve, reject) => {
    // In the event itself: `ws` may emit the first message before a promise reaction runs.
    const open = (): void => {
      stop();
      resolve(new WebSocketLink(webSocket, role, peer, options));
    };
    let cause: unknown;
    const failed = (event: unknown): void => {
      const { error, message } = event as { readonly error?: unknown; readonly message?: unknown };
      cause = error ?? message;
    };
    const closed = (event: unknown): void => {
      stop();
      reject(failure(peer.description, cause, (event as { readonly code?: number }).code));
    };
    const stop = (): void => {
      webSocket.removeEventListener("open", open);
      webSocket.removeEventListener("error", failed);
      webSocket.removeEventListener("close", closed);
    };
    webSocket.addEventListener("open", open);
    webSocket.addEventListener("error", failed);
    webSocket.addEventListener("close", closed);
    if (webSocket.readyState === OPEN) open();
    else if (webSocket.readyState > OPEN) closed({});
  });
}

function failure(where: string, cause: unknown, code: number | undefined): ConnectError {
  const known = cause instanceof Error ? cause.message : typeof cause === "string" ? cause : "";
  // A browser hides the reason, so that a page cannot explore the network of its user.
  const why = known === "" ? "the server is not there, refused it, or does not speak WebSocket at this address" : known;
  const closeCode = code === undefined || code === 1006 ? "" : ` (close code ${code})`;
  return new ConnectError("CONNECT_FAILED", `${where}: The WebSocket could not be opened${closeCode}: ${why}`, {
    cause,
  });
}
