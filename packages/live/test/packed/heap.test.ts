// The values of packed patches are charged their measured memory, which counts for the limits of the connection.

import { execFileSync } from "node:child_process";
import { Cacheable, Root } from "@pb/broker";
import type { CacheObserver, Perspective } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import type { LiveView } from "@pb/live";
import { describe, expect, test } from "vitest";
import { typescript } from "../../../../tools/process/program.js";
import { pack } from "../../src/packed/pack.js";
import { Places } from "../../src/packed/places.js";
import { viewTypes } from "../support/boards.js";

interface Row {
  readonly name: string;
  readonly charged: number;
  readonly measured: number;
}

const flags = ["--single-threaded", "--no-flush-bytecode", "--expose-gc"];
const [node, ...program] = typescript("packages/live/test/support/heap-of-patches.ts");
const rows = JSON.parse(execFileSync(node, [...flags, ...program], { encoding: "utf8" })) as Row[];

test.each(rows)("a patch with $name is charged $charged bytes and takes $measured", ({ charged, measured }) => {
  expect(charged).toBeLessThan(1.5 * measured);
  expect(charged).toBeGreaterThan(measured / 1.5);
});

/** Sends packed patches of its own. */
class Forged extends Cacheable {
  static readonly remoteType = "pb.Live";
  observer: CacheObserver | undefined;

  override getStateToCacheAndObserveFor(_perspective: Perspective, observer: CacheObserver): unknown {
    this.observer = observer;
    return { rev: 0, state: {} };
  }
}

describe("a connection that may take a megabyte", () => {
  const empties = (count: number): object[] => Array.from({ length: count }, () => ({}));
  /** A patch that sets one place to so many empty dicts. */
  const patch = (revision: number, dicts: number): Uint8Array =>
    pack(revision - 1, revision, [["/a", empties(dicts)]], new Places(), true)!;

  async function open() {
    const board = new Forged();
    class BoardRoot extends Root {
      remote_board = (): Forged => board;
    }
    const limits = { connectionHeapBytes: 1_000_000 };
    const pair = await connectedPair({ root: new BoardRoot() }, { types: viewTypes(), limits });
    const view = (await (await pair.client.getRootObject()).callRemote("board")) as LiveView<{ a: unknown[] }>;
    return { pair, view, observer: board.observer! };
  }

  test("ends with the reason limit when a patch takes more", async () => {
    const { pair, view, observer } = await open();
    observer.sendRemote("p", patch(1, 6000));
    await expect(pair.client.closed).resolves.toMatchObject({ reason: "limit" });
    expect(view.status).toBe("stale");
  });

  test("ends when the patches of one turn take more together", async () => {
    const { pair, observer } = await open();
    for (let revision = 1; revision <= 3; revision++) observer.sendRemote("p", patch(revision, 2000));
    await expect(pair.client.closed).resolves.toMatchObject({ reason: "limit" });
  });

  test("receives any number of patches, one after the other", async () => {
    const { pair, view, observer } = await open();
    for (let revision = 1; revision <= 20; revision++) {
      observer.sendRemote("p", patch(revision, 2000 + revision));
      await pair.settled();
      expect(view.getSnapshot().a).toHaveLength(2000 + revision);
    }
    expect([view.status, view.revision]).toEqual(["live", 20]);
    await pair.close();
  });
});
