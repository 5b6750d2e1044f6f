// socket.io over WebSocket: client.

import { io } from "socket.io-client";
import type { Socket } from "socket.io-client";
import { performClient } from "../../perform-client.js";
import { credentials } from "../../work.js";
import type { Note, Session, Update } from "../../work.js";

class SocketIoSession implements Session {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  echo(note: Note): Promise<unknown> {
    return this.#socket.emitWithAck("echo", note);
  }
  async reference(): Promise<number> {
    const handle = (await this.#socket.emitWithAck("open")) as number;
    const result = (await this.#socket.emitWithAck("look", handle)) as number;
    this.#socket.emit("close", handle);
    return result;
  }
  notify(note: Note): void {
    this.#socket.emit("notify", note);
  }
  async notified(): Promise<number> {
    return (await this.#socket.emitWithAck("notified")) as number;
  }
  async bytes(): Promise<number> {
    return ((await this.#socket.emitWithAck("bytes")) as Uint8Array).length;
  }
  async watch(group: string, changed: (update: Update) => void): Promise<void> {
    this.#socket.on("set", changed);
    await this.#socket.emitWithAck("watch", group);
  }
  async update(group: string, count: number): Promise<void> {
    await this.#socket.emitWithAck("update", group, count);
  }
  async close(): Promise<void> {
    this.#socket.close();
  }
}

async function connectTo(port: number, auth: object): Promise<SocketIoSession> {
  const socket = io(`http://127.0.0.1:${port}`, { transports: ["websocket"], forceNew: true, auth });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("connect_error", reject);
  });
  return new SocketIoSession(socket);
}

await performClient({
  connect: (port) => connectTo(port, {}),
  login: (port) => connectTo(port, credentials),
});
