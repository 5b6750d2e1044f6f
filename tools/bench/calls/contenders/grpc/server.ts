// grpc-js with protocol buffers: server.

import { Server, ServerCredentials, status } from "@grpc/grpc-js";
import type { sendUnaryData, ServerReadableStream, ServerUnaryCall, ServerWritableStream } from "@grpc/grpc-js";
import { perform } from "../../stage.js";
import { changing } from "../../stock.js";
import { BYTES, credentials } from "../../work.js";
import type { Note, Update } from "../../work.js";
import { Bench } from "./service.js";

interface Value<T> {
  value: T;
}
interface Group {
  name: string;
  count: number;
}

const megabyte = Buffer.alloc(BYTES, 7);
const handles = new Map<number, { look(): number }>();
const watchers = new Map<string, Set<ServerWritableStream<Group, Update>>>();
let lastHandle = 0;

const server = new Server();
server.addService(Bench.service, {
  Echo(call: ServerUnaryCall<Note, Note>, answer: sendUnaryData<Note>) {
    // Who says a name, must have the password.
    const [name] = call.metadata.get("name");
    const [password] = call.metadata.get("password");
    if (name === undefined || (name === credentials.name && password === credentials.password))
      answer(null, call.request);
    else answer({ code: status.UNAUTHENTICATED });
  },
  Open(_call: unknown, answer: sendUnaryData<Value<number>>) {
    handles.set(++lastHandle, { look: () => 42 });
    answer(null, { value: lastHandle });
  },
  Look(call: ServerUnaryCall<Value<number>, unknown>, answer: sendUnaryData<Value<number>>) {
    answer(null, { value: handles.get(call.request.value)!.look() });
  },
  Release(call: ServerUnaryCall<Value<number>, unknown>, answer: sendUnaryData<object>) {
    handles.delete(call.request.value);
    answer(null, {});
  },
  Notify(call: ServerReadableStream<Note, Value<number>>, answer: sendUnaryData<Value<number>>) {
    let notified = 0;
    call.on("data", () => (notified += 1)).on("end", () => answer(null, { value: notified }));
  },
  Bytes(_call: unknown, answer: sendUnaryData<Value<Buffer>>) {
    answer(null, { value: megabyte });
  },
  Watch(call: ServerWritableStream<Group, Update>) {
    const { name } = call.request;
    const all = watchers.get(name) ?? new Set();
    watchers.set(name, all.add(call));
    call.on("cancelled", () => all.delete(call));
    call.sendMetadata(call.metadata);
  },
  Update(call: ServerUnaryCall<Group, object>, answer: sendUnaryData<object>) {
    const { name, count } = call.request;
    void changing(count, (update) => {
      for (const each of watchers.get(name)!) each.write(update);
    }).then(() => answer(null, {}));
  },
});
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  void perform({ port }, {});
});
