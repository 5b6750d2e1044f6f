/** @pb/live over `ws`. */

import { Referenceable, Viewable } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { TypeRegistry } from "@pb/jelly-types";
import { Live, liveView } from "@pb/live";
import type { LiveView } from "@pb/live";
import { connect } from "@pb/web-transport";
import { attach } from "@pb/web-transport/node";
import { WebSocket } from "ws";
import type { Change, Group, Viewer, World } from "./library.js";
import type { Server } from "node:http";

interface Member {
  readonly group: string;
}

class LiveWorld extends Live<World, Group> {
  override viewKey(member: unknown): string {
    return (member as Member).group;
  }

  override viewPath(group: string): readonly string[] {
    return [group];
  }
}

class Hall extends Viewable {
  constructor(readonly view_board: () => LiveWorld) {
    super();
  }
}

class Door extends Referenceable {
  constructor(readonly hall: Hall) {
    super();
  }

  remote_enter(group: string): unknown {
    return this.hall.viewPointFor({ group } satisfies Member);
  }
}

export function serve(http: Server, world: World): (changes: readonly Change[]) => void {
  const live = new LiveWorld(world);
  const hall = new Hall(() => live);
  attach(http, { rootObject: () => new Door(hall) }, { path: "/" });
  return (changes) =>
    live.update((draft) => {
      for (const [group, unit, change] of changes) Object.assign(draft[group]![unit]!, change);
    });
}

export async function view(port: number, group: string): Promise<Viewer> {
  const broker = { types: new TypeRegistry().register(liveView()) };
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { perMessageDeflate: false });
  const connection = await connect(socket, { broker });
  const root = await connection.getRootObject<Door>();
  const hall: unknown = await root.callRemote("enter", group);
  const board: unknown = await (hall as RemoteReference).callRemote("board");
  const live = board as LiveView<Group>;
  const unsubscribe = live.subscribe(() => undefined);
  return {
    read: () => live.getSnapshot(),
    close() {
      unsubscribe();
      socket.terminate();
    },
  };
}
