/** Cap'n Web over ws. */

import { newWebSocketRpcSession, RpcTarget } from "capnweb";
import type { RpcStub } from "capnweb";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { WebSocket as Socket, WebSocketServer } from "ws";
import { Counter, makeUpdates } from "../service.js";
import { BYTES, credentials } from "../session.js";
import type { Note, Session, Update } from "../session.js";

// Cap'n Web uses the constants of the browser's class, which Node 20 does not have.
(globalThis as { WebSocket?: unknown }).WebSocket ??= Socket;

type Observer = (update: Update) => void;

const megabyte = new Uint8Array(BYTES).fill(7);
const groups = new Map<string, Set<RpcStub<Observer>>>();
const notifications = new Counter();

class Handle extends RpcTarget {
  look(): number {
    return 42;
  }
}

class Member extends RpcTarget {
  echo(note: Note): Note {
    return note;
  }
}

class Bench extends Member {
  open(): Handle {
    return new Handle();
  }
  notify(_note: Note): void {
    notifications.add();
  }
  notified(): number {
    return notifications.take();
  }
  bytes(): Uint8Array {
    return megabyte;
  }
  watch(group: string, observer: RpcStub<Observer>): void {
    const observers = groups.get(group) ?? new Set();
    groups.set(group, observers.add(observer.dup()));
  }
  async update(group: string, count: number): Promise<void> {
    await makeUpdates(count, (update) => {
      for (const observer of groups.get(group)!) ignoreResult(observer(update));
    });
  }
  authenticate(name: string, password: string): Member {
    if (name !== credentials.name || password !== credentials.password) throw new Error("Wrong credentials");
    return new Member();
  }
}

/** Releases a result at once, without waiting for it. */
function ignoreResult(result: unknown): void {
  (result as Disposable)[Symbol.dispose]();
}

export async function serve(): Promise<number> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  server.on("connection", (socket) => {
    newWebSocketRpcSession(socket as unknown as WebSocket, new Bench());
  });
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

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
  /** Cap'n Web sends the second call without waiting for the first. */
  async reference(): Promise<number> {
    using handle = this.bench.open();
    return await handle.look();
  }
  notify(note: Note): void {
    ignoreResult(this.bench.notify(note));
  }
  async notified(): Promise<number> {
    return this.bench.notified();
  }
  async bytes(): Promise<number> {
    return ((await this.bench.bytes()) as Uint8Array).length;
  }
  async watch(group: string, changed: Observer): Promise<void> {
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

export async function connect(port: number, user?: typeof credentials): Promise<Session> {
  const socket = new Socket(`ws://127.0.0.1:${port}`);
  await once(socket, "open");
  const session = new CapnWebSession(socket);
  if (user !== undefined) await session.bench.authenticate(user.name, user.password);
  return session;
}
