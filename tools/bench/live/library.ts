/** What a library does in the bench `live`, and the state that it keeps in step. */

import type { Server } from "node:http";

export interface Unit {
  title: string;
  /** From 0 to 65,535. */
  x: number;
}

/** The units of a group, by their names. A viewer sees one group. */
export type Group = Record<string, Unit>;
export type World = Record<string, Group>;

/** Sets one property of a unit. */
export type Change = readonly [group: string, unit: string, change: Partial<Unit>];

export interface Library {
  /** Serves the world to the WebSockets of `http`. The result makes the changes and sends one patch to each viewer. */
  readonly serve: (http: Server, world: World) => (changes: readonly Change[]) => void;
  /** Resolves when the state of the group has arrived. */
  readonly view: (port: number, group: string) => Promise<Viewer>;
}

export interface Viewer {
  /** What the program of the viewer sees now. */
  readonly read: () => Readonly<Group>;
  readonly close: () => void;
}

export function makeWorld(groups: number, units: number): World {
  const group = (): Group =>
    Object.fromEntries(
      Array.from({ length: units }, (_, index) => [`u${index}`, { title: `Unit ${index}`, x: index % 1000 }]),
    );
  return Object.fromEntries(Array.from({ length: groups }, (_, index) => [`g${index}`, group()]));
}

/** The group that a WebSocket asks for. */
export function groupOf(url: string | undefined): string {
  return new URL(url!, "ws://live").searchParams.get("group")!;
}

export const urlOf = (port: number, group: string): string => `ws://127.0.0.1:${port}/?group=${group}`;
