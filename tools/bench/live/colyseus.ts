/**
 * @colyseus/schema over `ws`, as its own server uses it: one encoder, a StateView for each group that its viewers
 * share, one encoding of each view and patch, and the full state once until it changes.
 */

import { Decoder, Encoder, schema, StateView, t } from "@colyseus/schema";
import { WebSocket, WebSocketServer } from "ws";
import { groupOf, urlOf } from "./library.js";
import type { Change, Viewer, World } from "./library.js";
import type { Server } from "node:http";

const UnitSchema = schema({ title: t.string(), x: t.uint16() }, "Unit");
const GroupSchema = schema({ units: t.map(UnitSchema) }, "Group");
const StateSchema = schema({ groups: t.map(GroupSchema).view() }, "State");

export function serve(server: Server, world: World): (changes: readonly Change[]) => void {
  const state = new StateSchema();
  const encoder = new Encoder(state);
  const viewers = new Map<string, { readonly view: StateView; readonly sockets: Set<WebSocket> }>();
  for (const [name, units] of Object.entries(world)) {
    const group = new GroupSchema();
    for (const [key, { title, x }] of Object.entries(units))
      group.units.set(key, new UnitSchema().assign({ title, x }));
    state.groups.set(name, group);
    const view = new StateView();
    view.add(group);
    viewers.set(name, { view, sockets: new Set() });
  }
  const shared = { offset: 0 };
  let full: Uint8Array<ArrayBuffer> | undefined;
  const all = new Uint8Array(16 * 1024 * 1024);
  encoder.discardChanges();
  new WebSocketServer({ server, perMessageDeflate: false }).on("connection", (socket, { url }) => {
    const { view, sockets } = viewers.get(groupOf(url))!;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    if (full === undefined) {
      shared.offset = 0;
      full = encoder.encodeAll(shared, all) as Uint8Array<ArrayBuffer>;
    }
    socket.send(encoder.encodeAllView(view, shared.offset, { ...shared }, all));
  });
  return (changes) => {
    for (const [group, unit, change] of changes) Object.assign(state.groups.get(group)!.units.get(unit)!, change);
    full = undefined;
    const it = { offset: 0 };
    encoder.encode(it);
    const sharedOffset = it.offset;
    for (const { view, sockets } of viewers.values()) {
      if (sockets.size === 0) continue;
      const data = encoder.encodeView(view, sharedOffset, it);
      for (const socket of sockets) socket.send(data, { binary: true });
    }
    encoder.discardChanges();
  };
}

export function view(port: number, group: string): Promise<Viewer> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(urlOf(port, group), { perMessageDeflate: false }).on("error", reject);
    const state = new StateSchema();
    const decoder = new Decoder(state);
    const read = () => state.groups.get(group)!.units.toJSON() as Record<string, { title: string; x: number }>;
    socket.on("message", (data: Buffer) => {
      decoder.decode(data);
      resolve({ read, close: () => socket.terminate() });
    });
  });
}
