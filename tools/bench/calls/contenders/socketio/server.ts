// socket.io over WebSocket: server.

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server } from "socket.io";
import { perform } from "../../stage.js";
import { changing } from "../../stock.js";
import { BYTES, credentials } from "../../work.js";
import type { Note } from "../../work.js";

const megabyte = Buffer.alloc(BYTES, 7);
const handles = new Map<number, { look(): number }>();
let lastHandle = 0;
let notified = 0;

const http = createServer();
const server = new Server(http, { transports: ["websocket"], maxHttpBufferSize: 2 * BYTES });

server.use((socket, next) => {
  const { name, password } = socket.handshake.auth as Partial<typeof credentials>;
  const isGuest = name === undefined;
  if (isGuest || (name === credentials.name && password === credentials.password)) next();
  else next(new Error("Not you"));
});

server.on("connection", (socket) => {
  socket.on("echo", (note: Note, answer: (note: Note) => void) => answer(note));
  socket.on("open", (answer: (handle: number) => void) => {
    handles.set(++lastHandle, { look: () => 42 });
    answer(lastHandle);
  });
  socket.on("look", (handle: number, answer: (result: number) => void) => answer(handles.get(handle)!.look()));
  socket.on("close", (handle: number) => void handles.delete(handle));
  socket.on("notify", () => (notified += 1));
  socket.on("notified", (answer: (count: number) => void) => {
    answer(notified);
    notified = 0;
  });
  socket.on("bytes", (answer: (bytes: Buffer) => void) => answer(megabyte));
  socket.on("watch", (group: string, answer: () => void) => {
    void socket.join(group);
    answer();
  });
  socket.on("update", (group: string, count: number, answer: () => void) => {
    void changing(count, (update) => void server.to(group).emit("set", update)).then(answer);
  });
});

http.listen(0, "127.0.0.1", () => {
  void perform({ port: (http.address() as AddressInfo).port }, {});
});
