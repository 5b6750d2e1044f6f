// The floor: JSON in length-prefixed frames on raw sockets, with nothing around it. Server.

import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { perform } from "../../stage.js";
import { changing } from "../../stock.js";
import { BYTES, credentials } from "../../work.js";
import { frameOf, Frames } from "./frames.js";

type Method = (argument: unknown, frames: Frames) => unknown;
type Request = readonly [id: number | null, method: string, argument: unknown];

const megabyte = Buffer.alloc(BYTES, 7);
const handles = new Map<number, { look(): number }>();
const watchers = new Map<string, Set<Frames>>();
let lastHandle = 0;
let notified = 0;

const methods = new Map<string, Method>(
  Object.entries({
    echo: (note: unknown) => note,
    open() {
      handles.set(++lastHandle, { look: () => 42 });
      return lastHandle;
    },
    look: (handle: number) => handles.get(handle)!.look(),
    close: (handle: number) => void handles.delete(handle),
    notify: () => (notified += 1),
    notified() {
      const count = notified;
      notified = 0;
      return count;
    },
    bytes(_: unknown, frames: Frames) {
      frames.sendBytes(megabyte);
      return undefined;
    },
    watch(group: string, frames: Frames) {
      const all = watchers.get(group) ?? new Set();
      watchers.set(group, all.add(frames));
      return true;
    },
    async update([group, count]: [string, number]) {
      await changing(count, (update) => {
        const frame = frameOf([null, "set", update]);
        for (const each of watchers.get(group)!) each.send(frame);
      });
      return true;
    },
    login({ name, password }: typeof credentials) {
      if (name !== credentials.name || password !== credentials.password) throw new Error("Not you");
      return true;
    },
  }) as [string, Method][],
);

const server = createServer((socket) => {
  const frames = new Frames(socket, (message) => {
    const [id, method, argument] = message as Request;
    const result = methods.get(method)!(argument, frames);
    if (result instanceof Promise) void result.then((settled: unknown) => frames.sendJson([id, settled]));
    else if (id !== null && result !== undefined) frames.sendJson([id, result]);
  });
  socket.on("error", () => undefined);
});
server.listen(0, "127.0.0.1", () => {
  void perform({ port: (server.address() as AddressInfo).port }, {});
});
