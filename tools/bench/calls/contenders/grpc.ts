/** grpc-js with protocol buffers. One-way calls are a stream, and so are the updates of an observer. */

import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { once } from "node:events";
import { promisify } from "node:util";
import { areRight, methodsOf, note as firstNote } from "../library.js";
import type { Client, credentials, Note, Update } from "../library.js";

interface Value {
  readonly value?: unknown;
}
type Observer = grpc.ServerWritableStream<{ group: string }, Update>;
type Answer = (error: Error | null, result: Value) => void;
type Unary = (request: object, metadata: grpc.Metadata, answer: Answer) => void;
interface Stub extends grpc.Client {
  notify(answer: Answer): grpc.ClientWritableStream<Note>;
  observe(request: object): grpc.ClientReadableStream<Update>;
}

/** The working directory is the root of the repository. */
const definition = grpc.loadPackageDefinition(loadSync("tools/bench/calls/contenders/grpc.proto", { keepCase: true }));
const { Bench } = definition.bench as unknown as { Bench: grpc.ServiceClientConstructor };

export async function serve(): Promise<number> {
  const methods = methodsOf<Observer>((observers, update) => {
    for (const observer of observers) observer.write(update);
  });
  const value = (name: string) => (call: { request: Value }, answer: grpc.sendUnaryData<Value>) => {
    answer(null, { value: methods[name]!(call.request.value as never, undefined as never) });
  };
  const server = new grpc.Server();
  server.addService(Bench.service, {
    /** Calls with credentials need the right ones; calls without are anonymous. */
    echo(call: grpc.ServerUnaryCall<Note, Note>, answer: grpc.sendUnaryData<Note>) {
      const sent = call.metadata.getMap();
      if (sent.name === undefined || areRight(sent)) answer(null, call.request);
      else answer({ code: grpc.status.UNAUTHENTICATED });
    },
    ...Object.fromEntries(["open", "look", "release", "bytes"].map((name) => [name, value(name)])),
    async update(call: grpc.ServerUnaryCall<object, Value>, answer: grpc.sendUnaryData<Value>) {
      await methods.update!(call.request as never, undefined as never);
      answer(null, {});
    },
    notify(call: grpc.ServerReadableStream<Note, Value>, answer: grpc.sendUnaryData<Value>) {
      let count = 0;
      call.on("data", () => (count += 1)).on("end", () => answer(null, { value: count }));
    },
    observe(call: Observer) {
      methods.observe!(call.request.group as never, call);
      call.sendMetadata(call.metadata);
    },
  });
  return await promisify(server.bindAsync.bind(server))("127.0.0.1:0", grpc.ServerCredentials.createInsecure());
}

/** Each client gets a connection of its own; by default all clients of a process share one. */
const options = { "grpc.use_local_subchannel_pool": 1, "grpc.max_receive_message_length": -1 };

/** gRPC has no logins: the credentials are sent with every call, and the first call shows that they are right. */
export async function connect(port: number, user?: typeof credentials): Promise<Client> {
  const stub = new Bench(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), options) as unknown as Stub;
  await promisify(stub.waitForReady.bind(stub))(Date.now() + 10_000);
  const metadata = new grpc.Metadata();
  for (const [key, text] of Object.entries(user ?? {})) metadata.set(key, text);
  let notifications: grpc.ClientWritableStream<Note> | undefined;
  let notified: Promise<unknown> | undefined;

  const call = async (method: string, argument?: unknown): Promise<unknown> => {
    if (method === "notified") {
      notifications!.end();
      notifications = undefined;
      return notified;
    }
    const request = typeof argument === "object" ? argument! : { value: argument };
    const unary = (stub as unknown as Record<string, Unary>)[method]!.bind(stub);
    const answer = await new Promise<Value>((resolve, reject) => {
      unary(request, metadata, (error, result) => (error === null ? resolve(result) : reject(error)));
    });
    return method === "echo" ? answer : answer.value;
  };
  if (user !== undefined) await call("echo", firstNote);
  return {
    call,
    send(method, argument) {
      if (method !== "notify") return void call(method, argument).catch(() => undefined);
      if (notifications === undefined) {
        notified = new Promise((resolve, reject) => {
          notifications = stub.notify((error, count) => (error === null ? resolve(count.value) : reject(error)));
        });
      }
      notifications!.write(argument as Note);
    },
    async observe(group, changed) {
      const updates = stub.observe({ group }).on("data", changed);
      updates.on("error", () => undefined);
      await once(updates, "metadata");
    },
    async close() {
      stub.close();
    },
  };
}
