// Connects to a server, and listens to what it says first and to what it answers.

import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import { connect as tlsConnect } from "node:tls";
import type { TLSSocket } from "node:tls";
import { identify, MOST_BYTES } from "./identify.js";
import type { Identity } from "./identify.js";

/** Opens another connection to the same server. */
export type Dial = () => Promise<Duplex>;

/** Milliseconds of silence after which a server waits for the client to speak. A server of PB speaks at once. */
const SILENCE_MS = 1_500;

/** Finds out what a server speaks. One that says nothing is asked with TLS and with HTTP, over connections of their own. */
export async function identifyServer(dial: Dial, isEncrypted: boolean, signal: AbortSignal): Promise<Identity> {
  const spoken = await listenTo(await dial(), "", signal);
  if (spoken.protocol !== "silent") return spoken;
  if (!isEncrypted && (await speaksTls(dial, signal))) {
    return { protocol: "tls", text: "This is a server for TLS: use an endpoint that begins with tls:" };
  }
  const answer = await listenTo(await dial(), upgradeRequest(), signal);
  if (answer.protocol === "http" && /HTTP\/1\.\d 101\b/.test(answer.text)) {
    return { protocol: "websocket", text: "This is a WebSocket server: connect to it with @pb/web-transport" };
  }
  if (answer.protocol === "silent") return { ...answer, text: `The server says nothing, also when asked with HTTP` };
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

async function listenTo(stream: Duplex, request: string, signal: AbortSignal): Promise<Identity> {
  if (request !== "") stream.write(request);
  let received = Buffer.alloc(0);
  try {
    return await new Promise<Identity>((resolve, reject) => {
      const finish = (): void => resolve(identify(received, true)!);
      const timer = setTimeout(finish, SILENCE_MS);
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

async function speaksTls(dial: Dial, signal: AbortSignal): Promise<boolean> {
  const socket = await handshake(await dial(), undefined, signal);
  if (socket === undefined) return false;
  await closed(socket);
  return true;
}

/** A connection over TLS with a server whose certificate is not checked. Undefined if there was no handshake. */
export async function handshake(
  stream: Duplex,
  servername: string | undefined,
  signal: AbortSignal,
): Promise<TLSSocket | undefined> {
  const socket = tlsConnect({
    socket: stream,
    rejectUnauthorized: false,
    ...(servername !== undefined && { servername }),
  });
  const isSecure = await new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => resolve(false), SILENCE_MS);
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
