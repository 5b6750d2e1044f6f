// Cap'n Web over ws: server.

import { newWebSocketRpcSession, RpcTarget } from "capnweb";
import type { RpcStub } from "capnweb";
import type { AddressInfo } from "node:net";
import { WebSocket as Socket, WebSocketServer } from "ws";
import { perform } from "../../stage.js";
import { changing } from "../../stock.js";
import { BYTES, credentials } from "../../work.js";
import type { Note, Update } from "../../work.js";

type Watcher = (update: Update) => void;

const megabyte = new Uint8Array(BYTES).fill(7);
const watchers = new Map<string, Set<RpcStub<Watcher>>>();
let notified = 0;

class Counter extends RpcTarget {
  look(): number {
    return 42;
  }
}

export class Member extends RpcTarget {
  echo(note: Note): Note {
    return note;
  }
}

export class Bench extends Member {
  open(): Counter {
    return new Counter();
  }
  notify(_note: Note): void {
    notified++;
  }
  notified(): number {
    const count = notified;
    notified = 0;
    return count;
  }
  bytes(): Uint8Array {
    return megabyte;
  }
  watch(group: string, watcher: RpcStub<Watcher>): void {
    const all = watchers.get(group) ?? new Set();
    watchers.set(group, all.add(watcher.dup()));
  }
  async update(group: string, count: number): Promise<void> {
    await changing(count, (update) => {
      // Not waited for, and given back at once: nobody wants the results.
      for (const watcher of watchers.get(group)!) (watcher(update) as unknown as Disposable)[Symbol.dispose]();
    });
  }
  authenticate(name: string, password: string): Member {
    if (name !== credentials.name || password !== credentials.password) throw new Error("Not you");
    return new Member();
  }
}

// It looks for the constants of a browser's class, which Node 20 does not have.
(globalThis as { WebSocket?: unknown }).WebSocket ??= Socket;

const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
server.on("connection", (socket) => {
  newWebSocketRpcSession(socket as unknown as WebSocket, new Bench());
});
server.on("listening", () => {
  void perform({ port: (server.address() as AddressInfo).port }, {});
});
