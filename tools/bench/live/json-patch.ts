/** JSON Patch (RFC 6902) over `ws`, written by hand: one text for each group and patch. */

import { WebSocket, WebSocketServer } from "ws";
import { groupOf, urlOf } from "./library.js";
import type { Change, Group, Unit, Viewer, World } from "./library.js";
import type { Server } from "node:http";

interface Operation {
  readonly op: "replace";
  readonly path: string;
  readonly value: string | number;
}

export function serve(server: Server, world: World): (changes: readonly Change[]) => void {
  const viewers = new Map(Object.keys(world).map((group) => [group, new Set<WebSocket>()]));
  new WebSocketServer({ server, perMessageDeflate: false }).on("connection", (socket, { url }) => {
    const group = groupOf(url);
    viewers.get(group)!.add(socket);
    socket.on("close", () => viewers.get(group)!.delete(socket));
    socket.send(JSON.stringify(world[group]));
  });
  return (changes) => {
    const patches = new Map<string, Operation[]>();
    for (const [group, unit, change] of changes) {
      Object.assign(world[group]![unit]!, change);
      let patch = patches.get(group);
      if (patch === undefined) patches.set(group, (patch = []));
      for (const [key, value] of Object.entries(change)) patch.push({ op: "replace", path: `/${unit}/${key}`, value });
    }
    for (const [group, patch] of patches) {
      const data = Buffer.from(JSON.stringify(patch));
      for (const socket of viewers.get(group)!) socket.send(data, { binary: false });
    }
  };
}

export function view(port: number, group: string): Promise<Viewer> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(urlOf(port, group), { perMessageDeflate: false }).on("error", reject);
    let state: Group | undefined;
    socket.on("message", (data: Buffer) => {
      const message = JSON.parse(data.toString()) as Group | Operation[];
      if (Array.isArray(message)) return apply(state!, message);
      state = message;
      resolve({ read: () => state!, close: () => socket.terminate() });
    });
  });
}

function apply(state: Group, patch: readonly Operation[]): void {
  for (const { path, value } of patch) {
    const [, unit, key] = path.split("/");
    (state[unit!] as Record<keyof Unit, unknown>)[key as keyof Unit] = value;
  }
}
