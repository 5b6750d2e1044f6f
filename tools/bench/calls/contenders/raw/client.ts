// The floor: JSON in length-prefixed frames on raw sockets, with nothing around it. Client.

import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { performClient } from "../../perform-client.js";
import { credentials } from "../../work.js";
import type { Note, Session, Update } from "../../work.js";
import { Frames } from "./frames.js";

class RawSession implements Session {
  readonly #frames: Frames;
  readonly #waiting = new Map<number, (result: unknown) => void>();
  #bytesCame: ((count: number) => void) | undefined;
  #changed: ((update: Update) => void) | undefined;
  #lastId = 0;

  constructor(socket: Socket) {
    this.#frames = new Frames(socket, (message) => this.#received(message));
  }

  #received(message: unknown): void {
    if (message instanceof Uint8Array) {
      this.#bytesCame?.(message.length);
      return;
    }
    const [id, result, update] = message as [number | null, unknown, Update];
    if (id === null) {
      this.#changed?.(update);
      return;
    }
    const resolve = this.#waiting.get(id)!;
    this.#waiting.delete(id);
    resolve(result);
  }

  call(method: string, argument?: unknown): Promise<unknown> {
    return new Promise((resolve) => {
      const id = ++this.#lastId;
      this.#waiting.set(id, resolve);
      this.#frames.sendJson([id, method, argument]);
    });
  }

  echo(note: Note): Promise<unknown> {
    return this.call("echo", note);
  }
  async reference(): Promise<number> {
    const handle = await this.call("open");
    const result = await this.call("look", handle);
    this.#frames.sendJson([null, "close", handle]);
    return result as number;
  }
  notify(note: Note): void {
    this.#frames.sendJson([null, "notify", note]);
  }
  async notified(): Promise<number> {
    return (await this.call("notified")) as number;
  }
  bytes(): Promise<number> {
    this.#frames.sendJson([null, "bytes"]);
    return new Promise((resolve) => (this.#bytesCame = resolve));
  }
  async watch(group: string, changed: (update: Update) => void): Promise<void> {
    this.#changed = changed;
    await this.call("watch", group);
  }
  async update(group: string, count: number): Promise<void> {
    await this.call("update", [group, count]);
  }
  async close(): Promise<void> {
    const closed = once(this.#frames.socket, "close");
    this.#frames.socket.end();
    await closed;
  }
}

async function connectTo(port: number): Promise<RawSession> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  return new RawSession(socket);
}

await performClient({
  connect: connectTo,
  async login(port) {
    const session = await connectTo(port);
    await session.call("login", credentials);
    return session;
  },
});
