/** The lower bound: length-prefixed frames on plain sockets. A frame contains JSON, or bytes as they are. */

import { strict as assert } from "node:assert";
import { once } from "node:events";
import { connect as connectSocket, createServer } from "node:net";
import type { Socket } from "node:net";
import { listen } from "../../../process/ports.js";
import { methodsOf } from "../library.js";
import type { Client, credentials, Update } from "../library.js";

type Send = (frame: readonly Uint8Array[]) => void;
type Request = readonly [id: number, method: string, argument: unknown];
type Response = readonly [id: number, result: unknown];

/** The id of messages that are not answered, or that are answered with a frame of bytes. */
const NO_ID = 0;

/** The length of the body (4 bytes), and 1 for JSON or 0 for bytes. */
const HEADER_BYTES = 5;
/** Frames of less than this in all are joined before they are written: a copy costs less than a write for each. */
const JOINED_BYTES = 64 * 1024;

/** Bytes are not copied: their frame has two parts. */
function frameOf(message: unknown): readonly Uint8Array[] {
  const isJson = !(message instanceof Uint8Array);
  const body = isJson ? JSON.stringify(message) : message;
  const length = Buffer.byteLength(body);
  const start = Buffer.allocUnsafe(HEADER_BYTES + (isJson ? length : 0));
  start.writeUInt32BE(length);
  start[4] = Number(isJson);
  if (typeof body !== "string") return [start, body];
  start.write(body, HEADER_BYTES);
  return [start];
}

/** Calls `receive` for each frame of the socket. Returns a function that sends all frames of a turn in one write. */
function framesOf(socket: Socket, receive: (message: unknown) => void): Send {
  let incomplete: Buffer[] = [];
  let size = 0;
  /** The size of the first incomplete frame, as far as it is known. */
  let needed = HEADER_BYTES;
  let outgoing: Uint8Array[] = [];

  socket.setNoDelay(true).on("data", (chunk: Buffer) => {
    incomplete.push(chunk);
    size += chunk.length;
    if (size < needed) return;
    const bytes = incomplete.length === 1 ? chunk : Buffer.concat(incomplete);
    let start = 0;
    needed = HEADER_BYTES;
    while (bytes.length - start >= HEADER_BYTES) {
      needed = HEADER_BYTES + bytes.readUInt32BE(start);
      if (bytes.length - start < needed) break;
      const body = bytes.subarray(start + HEADER_BYTES, start + needed);
      receive(bytes[start + 4] === 1 ? JSON.parse(body.toString()) : body);
      start += needed;
      needed = HEADER_BYTES;
    }
    incomplete = start === bytes.length ? [] : [bytes.subarray(start)];
    size = bytes.length - start;
  });

  const flush = (): void => {
    const frames = outgoing;
    outgoing = [];
    const total = frames.reduce((sum, { length }) => sum + length, 0);
    if (total < JOINED_BYTES) return void socket.write(Buffer.concat(frames, total));
    socket.cork();
    for (const frame of frames) socket.write(frame);
    socket.uncork();
  };
  return (frame) => {
    if (outgoing.length === 0) queueMicrotask(flush);
    outgoing.push(...frame);
  };
}

export function serve(): Promise<number> {
  const methods = methodsOf<Send>((observers, update) => {
    const frame = frameOf([NO_ID, update]);
    for (const send of observers) send(frame);
  });
  const server = createServer((socket) => {
    const send = framesOf(socket, (message) => {
      const [id, name, argument] = message as Request;
      const answer = (result: unknown): void => {
        if (result instanceof Uint8Array) send(frameOf(result));
        else if (id !== NO_ID) send(frameOf([id, result]));
      };
      const result = methods[name]!(argument as never, send);
      if (result instanceof Promise) void result.then(answer);
      else answer(result);
    });
    socket.on("error", () => undefined);
  });
  return listen(server);
}

export async function connect(port: number, user?: typeof credentials): Promise<Client> {
  const pending = new Map<number, (result: unknown) => void>();
  let lastId = 0;
  let bytesReceived: ((bytes: Uint8Array) => void) | undefined;
  let observer: ((update: Update) => void) | undefined;

  const socket = connectSocket(port, "127.0.0.1");
  const send = framesOf(socket, (message) => {
    if (message instanceof Uint8Array) return bytesReceived?.(message);
    const [id, result] = message as Response;
    if (id === NO_ID) return observer?.(result as Update);
    pending.get(id)!(result);
    pending.delete(id);
  });
  const call = (method: string, argument?: unknown): Promise<unknown> =>
    new Promise((resolve) => {
      if (method === "bytes") bytesReceived = resolve;
      else pending.set(++lastId, resolve);
      send(frameOf([method === "bytes" ? NO_ID : lastId, method, argument]));
    });

  await once(socket, "connect");
  if (user !== undefined) assert(await call("login", user));
  return {
    call,
    send: (method, argument) => send(frameOf([NO_ID, method, argument])),
    async observe(group, changed) {
      observer = changed;
      await call("observe", group);
    },
    async close() {
      const closed = once(socket, "close");
      socket.end();
      await closed;
    },
  };
}
