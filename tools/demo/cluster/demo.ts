// npm run demo -- cluster: three processes share a board by NATS. The home is killed, and then NATS.

import { TypeRegistry } from "@pb/jelly-types";
import { live, liveView } from "@pb/live";
import { reconnecting } from "@pb/node-transport";
import type { Office } from "../../../packages/cluster/test/guide/node.js";
import { NatsServer } from "../../e2e/nats/nats-server.js";
import { Program, typescript, until } from "../../process/program.js";

/** Rejects when the cluster does not do what the demo shows. */
export async function runClusterDemo(print: (line: string) => void): Promise<void> {
  await using nats = await NatsServer.start();
  const ends: (() => Promise<void>)[] = [];
  try {
    await play(print, nats, ends);
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

async function play(print: (line: string) => void, nats: NatsServer, ends: (() => Promise<void>)[]): Promise<void> {
  print(
    "Three processes are the nodes a, b and c of a cluster. They share NATS. A client of each views the same board.",
  );
  const viewers: ReturnType<typeof connect>[] = [];
  const programs = new Map<string, Program>();
  for (const name of ["a", "b", "c"]) {
    const program = new Program(`node ${name}`, typescript("tools/demo/cluster/node.ts", name, nats.servers));
    ends.push(() => program[Symbol.asyncDispose]());
    programs.set(name, program);
    const viewer = connect(name, await program.nextLine());
    ends.push(() => viewer.client.close());
    viewers.push(viewer);
  }
  const show = async (seen: typeof viewers, id: string, text: string): Promise<void> => {
    await until(() => seen.every(({ board }) => board.getSnapshot()?.cards[id] === text), `all views have ${text}`);
    for (const { name, board } of seen)
      print(`   client of ${name}: ${board.status} ${JSON.stringify(board.getSnapshot())}`);
  };
  const others = viewers.slice(1);

  print("\n1. THE CLIENT OF c ADDS A CARD. The method runs at the home, which is the node a.");
  await viewers[2]!.client.callRemote("add", "1", "Buy apples");
  await show(viewers, "1", "Buy apples");

  print("\n2. THE HOME IS KILLED. The client of c adds a card again and again, until another node has taken over.");
  programs.get("a")!.kill("SIGKILL");
  const start = performance.now();
  const add = async (): Promise<boolean> =>
    others[1]!.client.callRemote("add", "2", "Bake bread").then(
      () => true,
      () => false,
    );
  await until(add, "another node is home");
  print(`   Another node has taken over after ${Math.round(performance.now() - start)} ms; a lease lasts 1,000 ms.`);
  await show(others, "2", "Bake bread");

  print("\n3. NATS IS KILLED, and started again.");
  await nats.kill();
  await until(() => others.every(({ board }) => board.status === "stale"), "the views are stale");
  for (const { name, board } of others)
    print(`   client of ${name}: ${board.status} ${JSON.stringify(board.getSnapshot())}`);
  await nats.start();
  await until(() => others.every(({ board }) => board.status === "live"), "the views are live again");
  await until(
    async () =>
      others[0]!.client.callRemote("add", "3", "Brew tea").then(
        () => true,
        () => false,
      ),
    "a home",
  );
  await show(others, "3", "Brew tea");
}

/** A client with a view of the board. */
function connect(name: string, endpoint: string) {
  const types = new TypeRegistry().register(liveView());
  const client = reconnecting<Office>(endpoint, { broker: { types } });
  return { name, client, board: live(client, (office) => office.callRemote("board")) };
}
