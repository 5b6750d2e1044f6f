// txpb.Live at a Twisted server, and a LiveView of ours.

import { live, liveView } from "@pb/live";
import type { LiveView } from "@pb/live";
import { connect, reconnecting } from "@pb/node-transport";
import { TypeRegistry } from "@pb/jelly-types";
import { fileURLToPath } from "node:url";
import { describe, expect, inject, test } from "vitest";
import { Program, until } from "../../process/program.js";
import { pythonEnvironment } from "../../twisted/twisted.js";

const source = fileURLToPath(new URL("../../../packages/txpb/src", import.meta.url));

/** The first argument tells whether the factory is upgraded; the second one is the port. */
const program = `
import sys
from twisted.internet import reactor
from twisted.spread import pb
import txpb

class Board(txpb.Live):
    remote_type = "test.Board"
    broken = False
    packed = 0

    def _call(self, viewer, name, *args):
        self.packed += name == "p"
        super()._call(viewer, name, *args)

    def view_of(self, key, state):
        return {"list": state["list"], "half": state["number"] / (0 if self.broken else 2), "text": state["text"]}

class Server(pb.Root):
    def __init__(self):
        self.board = Board({"list": [{"n": 0}, {"n": 1}], "number": 5, "text": "ä\\U0001f600/~", "secret": "of the server"})

    def remote_board(self):
        return self.board

    def remote_change(self):
        for number in range(3):
            with self.board.update() as draft:
                draft["list"].append({"n": number + 2})
                draft["number"] = number
        with self.board.update() as draft:
            del draft["list"][0]
        return "changed"

    def remote_step(self, number):
        with self.board.update() as draft:
            draft["number"] = [number, -number * 2**30, number / 7 + 1e9][number % 3]
            draft["list"] = [{"n": n, "text": "ä" * n} for n in range(number % 5)]
        return [self.board.packed, self.board.state["number"] / 2, self.board.state["list"]]

    def remote_secret(self):
        with self.board.update() as draft:
            draft["secret"] = "is another one"

    def remote_break(self):
        self.board.broken = True
        self.board.replace({"list": []})

factory = pb.PBServerFactory(Server())
if sys.argv[1] == "upgraded":
    txpb.upgrade(factory)
port = reactor.listenTCP(int(sys.argv[2]), factory, interface="127.0.0.1")
print(port.getHost().port, flush=True)
reactor.run()
`;

interface Board {
  readonly list: readonly { readonly n: number }[];
  readonly half: number;
  readonly text: string;
}

interface Server {
  remote_board(): unknown;
  remote_change(): string;
  remote_step(number: number): [packed: number, half: number, list: Board["list"]];
  remote_secret(): void;
  remote_break(): void;
}

const types = new TypeRegistry().register(liveView("test.Board"));
const start = (python: string, ...args: readonly string[]): Program =>
  new Program("the server", [python, "-c", program, ...args], { env: { ...pythonEnvironment(), PYTHONPATH: source } });

describe.each(inject("twisteds"))("with Twisted $version", ({ python }) => {
  test.each(["upgraded", "stock"])("a view follows a Live of a factory that is %s", async (kind) => {
    await using server = start(python, kind, "0");
    const connection = await connect(`tcp:127.0.0.1:${await server.nextLine()}`, { broker: { types } });
    const root = await connection.getRootObject<Server>();
    const board = (await root.callRemote("board")) as LiveView<Board>;
    const before = board.getSnapshot();
    expect(before).toEqual({ list: [{ n: 0 }, { n: 1 }], half: 2.5, text: "ä😀/~" });
    let notified = 0;
    board.subscribe(() => notified++);

    // The patches have arrived before the answer.
    expect(await root.callRemote("change")).toBe("changed");
    const { list, half } = board.getSnapshot();
    expect([list, half]).toEqual([[{ n: 1 }, { n: 2 }, { n: 3 }, { n: 4 }], 1]);
    expect(board.revision).toBe(4);
    if (kind === "upgraded") expect(list[0]).toBe(before.list[1]);
    expect(notified).toBeGreaterThan(0);

    // Nothing is sent of what the view does not show.
    await root.callRemote("secret");
    expect([board.revision, board.status]).toEqual([4, "live"]);

    await root.callRemote("break");
    await until(() => board.status === "gone", "the end of the view");
    expect(board.error).toMatchObject({ code: "LIVE_ENDED" });
    await connection.close();
  });

  test("viewers that come at different times follow packed patches", async () => {
    await using server = start(python, "upgraded", "0");
    const port = await server.nextLine();
    const viewers: { readonly board: LiveView<Board>; readonly end: () => Promise<void> }[] = [];
    for (let count = 1; count <= 4; count++) {
      const connection = await connect(`tcp:127.0.0.1:${port}`, { broker: { types } });
      const root = await connection.getRootObject<Server>();
      const board = (await root.callRemote("board")) as LiveView<Board>;
      viewers.push({ board, end: () => connection.close() });
      let last: [packed: number, half: number, list: Board["list"]] | undefined;
      for (let step = 1; step <= 40; step++) last = await root.callRemote("step", 100 * count + step);
      const [packed, half, list] = last!;
      expect(packed).toBeGreaterThan(30 * count);
      for (const viewer of viewers) {
        await until(() => viewer.board.revision === 40 * count, "the last patch");
        expect(viewer.board.getSnapshot()).toMatchObject({ half, list });
      }
    }
    for (const { end } of viewers) await end();
  });

  test("a lasting view follows a server that is killed and started again", async () => {
    const first = start(python, "upgraded", "0");
    const port = await first.nextLine();
    const backoff = { firstMs: 10, highestMs: 50 };
    const client = reconnecting<Server>(`tcp:127.0.0.1:${port}`, { broker: { types }, backoff });
    try {
      const board = live(client, async (root) => (await root.callRemote("board")) as LiveView<Board>);
      let status = "";
      board.subscribe(() => (status = board.status));
      await until(() => status === "live", "the view");
      const before = board.getSnapshot()!;
      first.kill();
      await until(() => status === "stale", "the end of the connection");
      expect(board.getSnapshot()).toBe(before);
      await using _second = start(python, "upgraded", port);
      await until(() => status === "live", "the view");
      expect(board.getSnapshot()).toBe(before);
      await client.callRemote("change");
      expect(board.getSnapshot()).toMatchObject({ half: 1, text: before.text });
    } finally {
      first.kill();
      await client.close();
    }
  });
});
