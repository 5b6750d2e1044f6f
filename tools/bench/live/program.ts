/** The programs of the bench `live`: `server GROUPS UNITS` and `viewers PORT GROUPS`. */

import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { makeWorld } from "./library.js";
import type { Change, Group, Library, Viewer, World } from "./library.js";

/** Milliseconds between two patches: the default of Colyseus. */
export const PATCH_MS = 50;

/** Counted since the program started. Times are in seconds. */
export interface Totals {
  readonly cpu: number;
  readonly bytes: number;
}

export interface Request {
  readonly kind: "read" | "memory" | "change" | "hashes" | "open" | "reopen" | "check";
  readonly patches?: number;
  readonly changes?: number;
  readonly property?: "x" | "title";
  readonly count?: number;
  readonly hashes?: Readonly<Record<string, string>>;
}

export async function run(library: Library): Promise<void> {
  const [side, ...numbers] = process.argv.slice(2);
  const answer = await (side === "server" ? server : viewers)(library, ...(numbers.map(Number) as [number, number]));
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify((await answer(JSON.parse(line) as Request)) ?? null));
  }
  process.exit();
}

/** The heap and buffers outside it, after two collections of garbage: the first may leave what weak maps have held. */
function memoryBytes(): number {
  gc!();
  gc!();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function server({ serve }: Library, groups: number, units: number): Promise<(request: Request) => unknown> {
  const http = createServer();
  const open = new Set<Socket>();
  let closedBytes = 0;
  http.on("connection", (socket) => {
    open.add(socket);
    socket.once("close", () => {
      open.delete(socket);
      closedBytes += socket.bytesWritten;
    });
  });
  const make = serve(http, makeWorld(groups, units));
  const log: Change[] = [];
  http.listen({ port: 0, host: "127.0.0.1", backlog: 4096 });
  await once(http, "listening");
  console.log((http.address() as AddressInfo).port);
  let seed = 1;
  const random = (below: number): number => (seed = (seed * 48_271) % 0x7fff_ffff) % below;
  const change = (property: Request["property"]): Change => {
    const number = random(60_000);
    const text = `Moved ${number} times, ${String(number).repeat(8)}`.slice(0, 40);
    return [`g${random(groups)}`, `u${random(units)}`, property === "x" ? { x: number } : { title: text }];
  };
  return async ({ kind, patches = 0, changes = 0, property }) => {
    if (kind === "hashes") {
      const world: World = makeWorld(groups, units);
      for (const [group, unit, values] of log) Object.assign(world[group]![unit]!, values);
      return Object.fromEntries(Object.entries(world).map(([name, group]) => [name, hash(group)]));
    }
    if (kind === "memory") return memoryBytes();
    if (kind === "read") {
      const { user, system } = process.cpuUsage();
      const bytes = [...open].reduce((sum, { bytesWritten }) => sum + bytesWritten, closedBytes);
      return { cpu: (user + system) / 1e6, bytes } satisfies Totals;
    }
    let due = performance.now();
    for (let patch = 0; patch < patches; patch++) {
      const some = Array.from({ length: changes }, () => change(property));
      log.push(...some);
      make(some);
      due += PATCH_MS;
      await sleep(Math.max(0, due - performance.now()));
    }
    return undefined;
  };
}

async function viewers({ view }: Library, port: number, groups: number): Promise<(request: Request) => unknown> {
  let opened: [group: string, viewer: Viewer][] = [];
  const open = async (count: number): Promise<void> => {
    const names = Array.from({ length: count }, (_, index) => `g${index % groups}`);
    opened = await Promise.all(names.map(async (name) => [name, await view(port, name)] as [string, Viewer]));
  };
  console.log("ready");
  return async ({ kind, count = opened.length, hashes = {} }) => {
    if (kind === "open") return open(count);
    if (kind === "reopen") {
      for (const [, { close }] of opened) close();
      const start = performance.now();
      await open(count);
      return (performance.now() - start) / 1000;
    }
    for (const [name, { read }] of opened) while (hash(read()) !== hashes[name]) await sleep(10);
  };
}

/** Of the values of all units, whatever their order. */
function hash(group: Readonly<Group>): string {
  const rows = Object.entries(group).map(([key, { title, x }]) => `${key} ${x} ${title}`);
  return createHash("sha256").update(rows.sort().join("\n")).digest("hex");
}
