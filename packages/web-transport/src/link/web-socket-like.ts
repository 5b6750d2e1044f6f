// What a link needs of a WebSocket: those of browsers, Node, Deno and Bun have it, and so has the package `ws`.

/** A WebSocket of any platform. */
export interface WebSocketLike {
  binaryType: string;
  readonly bufferedAmount: number;
  readonly readyState: number;
  readonly url?: string | undefined;
  addEventListener(type: string, listener: (event: unknown) => void): void;
  removeEventListener(type: string, listener: (event: unknown) => void): void;
  send(data: string | ArrayBuffer): void;
  close(code?: number, reason?: string): void;
}

/** What the WebSocket of `ws` can do besides. */
export interface PausableWebSocket extends WebSocketLike {
  send(data: string | ArrayBuffer | Uint8Array, callback?: (error?: Error | null) => void): void;
  pause(): void;
  resume(): void;
  terminate(): void;
}

/** The values of `readyState`. */
export const OPEN = 1;
export const CLOSED = 3;

/**
 * Whether the WebSocket can stop reading, so that its peer has to wait. That of Bun has these methods as well, but
 * calls nothing back when bytes were sent. Unlike that of `ws`, it has no method `on`.
 */
export function isPausable(webSocket: object): webSocket is PausableWebSocket {
  return ["pause", "resume", "terminate", "on"].every(
    (name) => typeof (webSocket as Record<string, unknown>)[name] === "function",
  );
}

/** Whether the value has the methods of a WebSocket. */
export function isWebSocket(value: object): value is WebSocketLike {
  return "bufferedAmount" in value && "binaryType" in value && "addEventListener" in value;
}
