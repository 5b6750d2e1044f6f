// Calls, caches and references over a bad network: answered calls have run, calls that may run once never run twice,
// and nothing is left over.

import { expect, test } from "vitest";
import { RemoteCache, remoteCache } from "@pb/broker";
import { TypeRegistry } from "@pb/jelly-types";
import { OutcomeUnknownError, reconnecting } from "@pb/node-transport";
import type { ReconnectingClient } from "@pb/node-transport";
import { BadNetwork } from "../support/bad-network.js";
import type { Ledger } from "../support/programs/ledger.js";
import { Program } from "../support/program.js";
import { otherHost } from "../../../../tools/process/network-namespace.js";
import { sleep, until } from "../support/echo.js";

class Board extends RemoteCache {
  declare value: number;
  /** Every value, in the order of arrival. */
  declare history: number[];

  override setCopyableState(state: unknown): void {
    this.value = (state as { value: number }).value;
    this.history = [this.value];
  }

  observe_value(value: number): void {
    this.value = value;
    this.history.push(value);
  }
}

interface Report {
  readonly entries: Record<string, number>;
  readonly value: number;
  readonly observers: number;
  readonly slips: number;
  readonly connections: number;
  readonly references: number;
  readonly caches: number;
}

/** Disturbs the network. */
type Disturbance = () => Promise<void>;

/** Makes calls while the network is disturbed, then compares what the client and the server have recorded. */
async function work(server: Program, endpoint: string, disturbances: readonly Disturbance[]): Promise<void> {
  const types = new TypeRegistry().register(remoteCache("ledger.Board", Board));
  const boards: Board[] = [];
  await using client: ReconnectingClient<Ledger> = reconnecting<Ledger>(endpoint, {
    broker: { types },
    backoff: { firstMs: 30, highestMs: 200 },
    connectMs: 1000,
    liveness: { intervalMs: 100, answerMs: 1000 },
    async login(connection) {
      const root = await connection.getRootObject<Ledger>();
      boards.push((await root.callRemote("board")) as unknown as Board);
      return root;
    },
  });
  await client.current();

  const once = new Map<string, Promise<"answered" | "unknown">>();
  const again = new Map<string, Promise<string>>();
  let isOver = false;
  const workers = [postEntries(), holdSlips()];

  for (const disturb of disturbances) {
    await sleep(200);
    await disturb();
  }
  await sleep(300);
  isOver = true;
  await Promise.all(workers);
  const outcomes = new Map<string, string>();
  for (const [entry, outcome] of once) outcomes.set(entry, await outcome);
  for (const [entry, answer] of again) expect(await answer).toBe(`${entry} 1000`);

  const report = (await server.ask("stop the clock")) as Report;
  const answered = [...outcomes].filter(([, outcome]) => outcome === "answered");
  const unknown = [...outcomes].filter(([, outcome]) => outcome === "unknown");
  expect(answered.length).toBeGreaterThan(50);
  expect(unknown.length).toBeGreaterThan(0);
  expect(boards.length).toBeGreaterThan(1);
  // Every answered call has run, and no call that may run only once has run twice.
  expect(answered.filter(([entry]) => report.entries[entry] !== 1)).toEqual([]);
  expect(unknown.filter(([entry]) => (report.entries[entry] ?? 0) > 1)).toEqual([]);
  expect([...again.keys()].filter((entry) => (report.entries[entry] ?? 0) < 1)).toEqual([]);

  // The cache has the value of the original, and no cache has missed or repeated a change.
  const board = boards.at(-1)!;
  await until(() => board.value === report.value, "the cache is up to date");
  for (const { history } of boards) expect(history).toEqual(history.map((_, index) => history[0]! + index));

  // Nothing is left over: first from the lost connections, then from the last one.
  await until(async () => ((await server.ask()) as Report).connections === 1, "only the last connection is left");
  const left = (await server.ask()) as Report;
  expect(left).toMatchObject({ observers: 1, caches: 1, slips: 0, references: 0 });
  await client.close();
  await until(async () => ((await server.ask()) as Report).observers === 0, "there are no observers");
  expect((await server.ask()) as Report).toMatchObject({ connections: 0, slips: 0 });

  /** Posts entries that must not be posted twice, and entries that may. */
  async function postEntries(): Promise<void> {
    const filling = "x".repeat(1000);
    for (let number = 0; !isOver; number++) {
      const [entry, other] = [`once ${number}`, `again ${number}`];
      const outcome = client.callRemote("post", entry, filling).then(
        () => "answered" as const,
        (error: unknown) => {
          if (error instanceof OutcomeUnknownError) return "unknown" as const;
          throw error;
        },
      );
      outcome.catch(() => undefined);
      once.set(entry, outcome);
      const answer = client.with({ idempotent: true }).callRemote("post", other, filling);
      answer.catch(() => undefined);
      again.set(other, answer);
      await sleep(5);
    }
  }

  /** Gets references and releases them. */
  async function holdSlips(): Promise<void> {
    while (!isOver) {
      const slip = await client.with({ idempotent: true }).callRemote("slip");
      try {
        await slip.callRemote("number");
      } catch {
        // The connection was lost, and the reference with it.
      }
      slip[Symbol.dispose]();
      await sleep(5);
    }
  }
}

test("over a network that is slow, drops connections and silently cuts them", async () => {
  await using server = new Program("ledger.ts", ["tcp:0:interface=127.0.0.1"]);
  await using network = await BadNetwork.before(Number(await server.line()));
  const { conditions } = network;
  await work(server, `tcp:127.0.0.1:${network.port}`, [
    async () => void (conditions.delayMs = 20),
    async () => network.drop(),
    async () => void Object.assign(conditions, { delayMs: 0, bytesPerSecond: 300_000, pieceBytes: 700 }),
    async () => network.drop(),
    async () => network.cut(),
    async () => void Object.assign(conditions, { delayMs: 5, bytesPerSecond: Infinity, pieceBytes: 13 }),
    async () => {
      network.cut({ all: true });
      await sleep(1500);
      network.mend();
    },
    async () => network.drop(),
    async () => void Object.assign(conditions, { delayMs: 0, pieceBytes: Infinity }),
    async () => sleep(1500),
  ]);
});

test("between two hosts whose cable is pulled for a while", async ({ skip }) => {
  using host = otherHost();
  if (host === undefined) skip("This system does not allow network namespaces");
  const there = host!;
  await using server = new Program("ledger.ts", ["tcp:0"], { wrapper: there.wrapper });
  const port = Number(await server.line());
  const pull: Disturbance = async () => {
    there.cut();
    await sleep(2500);
    there.mend();
    await sleep(1500);
  };
  await work(server, `tcp:${there.address}:${port}`, [pull, pull]);
});
