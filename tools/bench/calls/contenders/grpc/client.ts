// grpc-js with protocol buffers: client.

import { credentials as channelCredentials, Metadata } from "@grpc/grpc-js";
import type { Client, ClientReadableStream, ClientWritableStream } from "@grpc/grpc-js";
import { once } from "node:events";
import { promisify } from "node:util";
import { performClient } from "../../perform-client.js";
import { credentials, note as aNote } from "../../work.js";
import type { Note, Session, Update } from "../../work.js";
import { Bench } from "./service.js";

/** The messages that have a value have it there. */
interface Answer {
  readonly value: unknown;
}
type Unary = (request: object, metadata: Metadata, answer: (error: Error | null, answer: Answer) => void) => void;

interface Methods extends Client {
  Notify(answer: (error: Error | null, count: { value: number }) => void): ClientWritableStream<Note>;
  Watch(group: object): ClientReadableStream<Update>;
}

class GrpcSession implements Session {
  readonly #client: Methods;
  readonly #metadata = new Metadata();
  /** One-way calls are a stream. */
  #stream: ClientWritableStream<Note> | undefined;
  #notified: Promise<number> | undefined;

  constructor(client: Methods, user?: typeof credentials) {
    this.#client = client;
    if (user === undefined) return;
    this.#metadata.set("name", user.name);
    this.#metadata.set("password", user.password);
  }

  #call(method: string, request: object = {}): Promise<Answer> {
    const unary = (this.#client as unknown as Record<string, Unary>)[method]!.bind(this.#client);
    return new Promise((resolve, reject) => {
      unary(request, this.#metadata, (error, answer) => (error === null ? resolve(answer) : reject(error)));
    });
  }

  echo(note: Note): Promise<unknown> {
    return this.#call("Echo", note);
  }
  async reference(): Promise<number> {
    const handle = await this.#call("Open");
    const { value } = await this.#call("Look", handle);
    this.#call("Release", handle).catch(() => undefined); // follows by itself, as with the others
    return value as number;
  }
  notify(note: Note): void {
    if (this.#stream === undefined) {
      this.#notified = new Promise((resolve, reject) => {
        this.#stream = this.#client.Notify((error, count) => (error === null ? resolve(count.value) : reject(error)));
      });
    }
    this.#stream!.write(note);
  }
  async notified(): Promise<number> {
    this.#stream!.end();
    this.#stream = undefined;
    return this.#notified!;
  }
  async bytes(): Promise<number> {
    return ((await this.#call("Bytes")).value as Buffer).length;
  }
  async watch(group: string, changed: (update: Update) => void): Promise<void> {
    const stream = this.#client.Watch({ name: group }).on("data", changed);
    stream.on("error", () => undefined);
    await once(stream, "metadata");
  }
  async update(group: string, count: number): Promise<void> {
    await this.#call("Update", { name: group, count });
  }
  async close(): Promise<void> {
    this.#client.close();
  }
}

/** A channel of its own for each client: else they would all share one connection. */
const options = { "grpc.use_local_subchannel_pool": 1, "grpc.max_receive_message_length": -1 };

async function connectTo(port: number, user?: typeof credentials): Promise<GrpcSession> {
  const client = new Bench(`127.0.0.1:${port}`, channelCredentials.createInsecure(), options) as unknown as Methods;
  await promisify(client.waitForReady.bind(client))(Date.now() + 10_000);
  return new GrpcSession(client, user);
}

await performClient({
  connect: (port) => connectTo(port),
  /** It has no logins: credentials go with every call, and the first shows that they are good. */
  async login(port) {
    const session = await connectTo(port, credentials);
    await session.echo(aNote);
    return session;
  },
});
