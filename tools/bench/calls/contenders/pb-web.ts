/** @pb over ws, as Cap'n Web. */

import { connect as connectWebSocket } from "@pb/web-transport";
import { listen } from "@pb/web-transport/node";
import { WebSocket } from "ws";
import * as library from "./pb.js";
import type { Client, credentials } from "../library.js";

const transport: library.Transport = {
  listen: (root, options) => listen("ws:0:interface=127.0.0.1:path=/pb", root, options),
  connect: (port, options) => connectWebSocket(`ws://127.0.0.1:${port}/pb`, { ...options, webSocket: WebSocket }),
};

export const serve = (): Promise<number> => library.serve({}, transport);
export const connect = (port: number, user?: typeof credentials): Promise<Client> =>
  library.connect(port, user, {}, transport);
