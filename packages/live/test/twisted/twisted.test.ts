// Live state with stock Twisted at the other end: as the server of a view, and as a viewer.

import { TypeRegistry } from "@pb/jelly-types";
import { live, mapUpdates } from "@pb/live";
import { listen, reconnecting } from "@pb/node-transport";
import { fileURLToPath } from "node:url";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { Program, until } from "../../../../tools/process/program.js";
import { pythonEnvironment } from "../../../../tools/twisted/twisted.js";
import { Board, BoardRoot, first } from "../support/boards.js";

const script = fileURLToPath(new URL("twisted_live.py", import.meta.url));

interface Game {
  readonly players: Readonly<Record<string, { readonly x: number }>>;
  readonly chat: readonly string[];
}

/** The methods of the server. */
interface GameRoot {
  board(): unknown;
  move(name: string, x: number): null;
  say(text: string): null;
  viewers(): number;
}

describe.each(inject("twisteds"))("with Twisted $version", ({ python }) => {
  test("a view follows the updates of an unmodified server, also after a reconnect", async () => {
    const start = (): Program => new Program("the game", [python, script, "serve"], { env: pythonEnvironment() });
    await using server = start();
    const types = new TypeRegistry().register(
      mapUpdates<Game>("game.Game", {
        moved(draft, name: string, x: number) {
          draft.players[name]!.x = x;
        },
        said: (draft, text: string) => draft.chat.push(text),
      }),
    );
    const client = reconnecting<GameRoot>(`tcp:127.0.0.1:${await server.nextLine()}`, {
      broker: { types },
      backoff: { firstMs: 5, highestMs: 20 },
    });
    onTestFinished(() => client.close());
    const view = live(client, (root) => root.callRemote("board"));
    await until(() => view.status === "live", "the view has arrived");
    const before = view.getSnapshot() as Game;
    expect(before).toStrictEqual({ players: { ann: { x: 1 }, bob: { x: 2 } }, chat: [] });
    await client.callRemote("move", "ann", 5);
    await client.callRemote("say", "hi");
    const after = view.getSnapshot() as Game;
    expect(after).toStrictEqual({ players: { ann: { x: 5 }, bob: { x: 2 } }, chat: ["hi"] });
    expect(after.players.bob).toBe(before.players.bob);

    client.connection!.terminate("lost");
    await until(() => view.status === "live", "the view has arrived again");
    expect(view.getSnapshot()).toBe(after);
    view[Symbol.dispose]();
    await until(async () => (await client.callRemote("viewers")) === 0, "the copies are released");
  });

  test("a stock viewer of ten lines follows a Live", async () => {
    const board = new Board();
    await using server = await listen("tcp:0:interface=127.0.0.1", new BoardRoot(board));
    await using viewer = new Program("the viewer", [python, script, "view", `${server.port}`], {
      env: pythonEnvironment(),
    });
    const next = async (): Promise<unknown> => JSON.parse(await viewer.nextLine());
    expect(await next()).toEqual([0, first]);
    const steps = [
      () => board.update((draft) => void (draft.cards.a!.done = true)),
      () => board.update((draft) => void (draft.cards["x/~ü"] = { text: "Käse 🧀", done: false })),
      () => board.update((draft) => void draft.log.push("1", "2", "3", "4")),
      () => board.update((draft) => void draft.log.splice(1, 2, "5")),
      () => board.update((draft) => delete draft.cards.b),
      () => board.update((draft) => void (draft.title = "")),
      () => board.replace({ ...board.state, log: [] }),
    ];
    for (const [index, step] of steps.entries()) {
      step();
      expect(await next()).toEqual([index + 1, board.state]);
    }
    // One object in two places of the state: a change of one of them must not change the other one at the viewer.
    board.update((draft) => void (draft.cards.same = draft.cards.a!));
    expect(await next()).toEqual([8, board.state]);
    board.update((draft) => void (draft.cards.a!.text = "pears"));
    expect(await next()).toEqual([9, board.state]);
    expect(board.state.cards.same!.text).toBe("apples");
    expect(viewer.stderr).toBe("");
  });
});
