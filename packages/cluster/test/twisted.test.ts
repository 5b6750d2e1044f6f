// Stock Twisted clients of two nodes: a live object of a cluster is an ordinary cached object for them.

import { MemoryServer } from "@pb/cluster";
import { FaultyEngine } from "@pb/cluster/testing";
import { fileURLToPath } from "node:url";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { Program } from "../../../tools/process/program.js";
import { pythonEnvironment } from "../../../tools/twisted/twisted.js";
import { startNode } from "./guide/node.js";

const script = fileURLToPath(new URL("../../live/test/twisted/twisted_live.py", import.meta.url));

describe.each(inject("twisteds"))("with Twisted $version", ({ python }) => {
  test("stock viewers of two nodes follow the same object, also over a takeover", async () => {
    const server = new MemoryServer();
    const engines = [new FaultyEngine({ server }), new FaultyEngine({ server })] as const;
    const home = await startNode("a", engines[0], "secret");
    const node = await startNode("b", engines[1], "secret");
    onTestFinished(() => node.close());
    onTestFinished(() => home.close());
    const viewers = [home, node].map(
      ({ endpoint }) =>
        new Program("a viewer", [python, script, "view", endpoint.split(":")[2]!], { env: pythonEnvironment() }),
    );
    onTestFinished(async () => {
      for (const viewer of viewers) await viewer[Symbol.asyncDispose]();
    });
    const expectAll = async (seen: readonly Program[], expected: unknown): Promise<void> => {
      for (const viewer of seen) expect(JSON.parse(await viewer.nextLine())).toEqual(expected);
    };
    await expectAll(viewers, [0, { cards: {} }]);
    await node.board.call.add("1", "apples");
    await expectAll(viewers, [1, { cards: { 1: "apples" } }]);
    engines[1].disconnect(); // Stock viewers are not told: they would log an error.
    await home.board.call.add("2", "bread");
    await expectAll([viewers[0]!], [2, { cards: { 1: "apples", 2: "bread" } }]);
    engines[1].reconnect();
    await expectAll([viewers[1]!], [2, { cards: { 1: "apples", 2: "bread" } }]);
    await home.close();
    await node.board.with({ once: true }).call.add("3", "cheese");
    await expectAll([viewers[1]!], [3, { cards: { 1: "apples", 2: "bread", 3: "cheese" } }]);
    expect(viewers[1]!.stderr).toBe("");
  });
});
