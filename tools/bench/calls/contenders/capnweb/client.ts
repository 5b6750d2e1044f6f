// Cap'n Web over ws: client.

import { newWebSocketRpcSession } from "capnweb";
import type { RpcStub } from "capnweb";
import { once } from "node:events";
import { WebSocket as Socket } from "ws";
import { performClient } from "../../perform-client.js";
import { credentials } from "../../work.js";
import type { Note, Session, Update } from "../../work.js";
import type { Bench } from "./server.js";

class CapnWebSession implements Session {
  readonly #socket: Socket;
  readonly bench: RpcStub<Bench>;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.bench = newWebSocketRpcSession<Bench>(socket as unknown as WebSocket);
  }

  async echo(note: Note): Promise<unknown> {
    return this.bench.echo(note);
  }
  /** Its way: the second call goes out without waiting for the first. */
  async reference(): Promise<number> {
    using counter = this.bench.open();
    return await counter.look();
  }
  notify(note: Note): void {
    (this.bench.notify(note) as unknown as Disposable)[Symbol.dispose]();
  }
  async notified(): Promise<number> {
    return this.bench.notified();
  }
  async bytes(): Promise<number> {
    return ((await this.bench.bytes()) as Uint8Array).length;
  }
  async watch(group: string, changed: (update: Update) => void): Promise<void> {
    await this.bench.watch(group, changed);
  }
  async update(group: string, count: number): Promise<void> {
    await this.bench.update(group, count);
  }
  async close(): Promise<void> {
    const closed = once(this.#socket, "close");
    this.#socket.close();
    await closed;
  }
}

// It looks for the constants of a browser's class, which Node 20 does not have.
(globalThis as { WebSocket?: unknown }).WebSocket ??= Socket;

async function connectTo(port: number): Promise<CapnWebSession> {
  const socket = new Socket(`ws://127.0.0.1:${port}`);
  await once(socket, "open");
  return new CapnWebSession(socket);
}

await performClient({
  connect: connectTo,
  async login(port) {
    const session = await connectTo(port);
    await session.bench.authenticate(credentials.name, credentials.password);
    return session;
  },
});
