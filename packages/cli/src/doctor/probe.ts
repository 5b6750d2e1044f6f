// Connects to a server, and listens to what it says first and to what it answers.

import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import { connect as tlsConnect } from "node:tls";
import type { TLSSocket } from "node:tls";
import { identify, MOST_BYTES } from "./identify.js";
import type { Identity } from "./identify.js";

/** Opens another connection to the same server. */
export type Dial = () => Promise<Duplex>;

/** How long a server may be silent, in milliseconds. */
export interface Patience {
  /** Before it is asked. A server of PB speaks at once. */
  readonly silenceMs: number;
  /** After it was asked. */
  readonly answerMs: number;
}

/** Finds out what a server speaks. One that says nothing is asked with TLS and with HTTP, over further connections. */
export async function identifyServer(
  dial: Dial,
  isEncrypted: boolean,
  { silenceMs, answerMs }: Patience,
  signal: AbortSignal,
): Promise<Identity> {
  const spoken = await listenTo(await dial(), "", silenceMs, signal);
  if (spoken.protocol !== "silent") return spoken;
  const [hasTls, answer] = await Promise.all([
    isEncrypted ? false : speaksTls(dial, answerMs, signal),
    dial().then((stream) => listenTo(stream, upgradeRequest(), answerMs, signal)),
  ]);
  if (hasTls) return { protocol: "tls", text: "This is a server for TLS: use an endpoint that begins with tls:" };
  if (answer.protocol === "http" && /HTTP\/1\.\d 101\b/.test(answer.text)) {
    return { protocol: "websocket", text: "This is a WebSocket server: connect to it with @pb/web-transport" };
  }
  if (answer.protocol === "silent") return { ...answer, text: "The server says nothing, also when asked with HTTP" };
  return answer;
}

/** Asks for a WebSocket: an HTTP server answers in either case. */
function upgradeRequest(): string {
  const lines = [
    "GET / HTTP/1.1",
    "Host: localhost",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

async function listenTo(stream: Duplex, request: string, ms: number, signal: AbortSignal): Promise<Identity> {
  if (request !== "") stream.write(request);
  let received = Buffer.alloc(0);
  try {
    return await new Promise<Identity>((resolve, reject) => {
      const finish = (): void => resolve(identify(received, true)!);
      const timer = setTimeout(finish, ms);
      const stop = (): void => reject(signal.reason as Error);
      signal.addEventListener("abort", stop, { once: true });
      stream.once("close", () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", stop);
        finish();
      });
      stream.on("error", finish).on("end", finish);
      stream.on("data", (chunk: Buffer) => {
        received = Buffer.concat([received, chunk]).subarray(0, MOST_BYTES);
        const identity = identify(received, false);
        if (identity !== undefined) resolve(identity);
      });
      if (signal.aborted) stop();
    });
  } finally {
    await closed(stream);
  }
}

async function speaksTls(dial: Dial, ms: number, signal: AbortSignal): Promise<boolean> {
  const socket = await handshake(await dial(), undefined, ms, signal);
  if (socket === undefined) return false;
  await closed(socket);
  return true;
}

/** A connection over TLS with a server whose certificate is not checked. Undefined if there was no handshake. */
export async function handshake(
  stream: Duplex,
  servername: string | undefined,
  ms: number,
  signal: AbortSignal,
): Promise<TLSSocket | undefined> {
  const socket = tlsConnect({
    socket: stream,
    rejectUnauthorized: false,
    ...(servername !== undefined && { servername }),
  });
  const isSecure = await new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => resolve(false), ms);
    const stop = (): void => resolve(false);
    signal.addEventListener("abort", stop, { once: true });
    socket.once("secureConnect", () => resolve(true));
    socket.on("error", stop).once("close", () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      stop();
    });
  });
  if (isSecure) return socket;
  await closed(socket);
  await closed(stream);
  return undefined;
}

/** Ends a connection at once. */
export async function closed(stream: Duplex): Promise<void> {
  if (stream.closed) return;
  stream.on("error", () => undefined);
  const close = new Promise<void>((resolve) => stream.once("close", () => resolve()));
  stream.destroy();
  await close;
}
