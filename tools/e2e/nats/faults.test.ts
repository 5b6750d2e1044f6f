// What can go wrong between the NATS engine and NATS: the fence, restarts, lost data, bad configuration.

import { jetstreamManager } from "@nats-io/jetstream";
import { connect, headers } from "@nats-io/transport-node";
import type { NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { Referenceable } from "@pb/broker";
import { Cluster, LogMovedError } from "@pb/cluster";
import type { ClusterEngine, HomeState } from "@pb/cluster";
import { natsEngine } from "@pb/cluster/nats";
import type { NatsEngineOptions } from "@pb/cluster/nats";
import { until } from "../../process/program.js";
import { Cable } from "./cable.js";
import { hasNats, NatsServer } from "./nats-server.js";

const isThere = hasNats();
/** So long that a busy machine does not make leases expire. Some tests wait for the end of one. */
const LEASE_MS = 3000;

/** A home without methods. */
class Methods extends Referenceable {}

test("refuses bad options", async () => {
  const bad = [
    [{ leaseMs: 99 }, "leaseMs"],
    [{ leaseMs: "5000" }, "leaseMs"],
    [{ leaseMS: 5000 }, "did you mean leaseMs?"],
    [{ prefix: "a.b" }, "prefix"],
    [{ prefix: "" }, "prefix"],
    [{ replicas: 2 }, "replicas"],
    [{ replicas: 7 }, "replicas"],
    [{ servers: [] }, "servers"],
    [{ servers: [4222] }, "servers"],
    [{ connection: {}, servers: "127.0.0.1" }, "connection"],
    [{ connect: "nats://127.0.0.1" }, "connect"],
  ] as const;
  for (const [options, message] of bad) {
    const error: unknown = await natsEngine(options as unknown as NatsEngineOptions).catch((reason: unknown) => reason);
    expect(error, JSON.stringify(options)).toBeInstanceOf(TypeError);
    expect((error as Error).message).toContain(message);
  }
});

describe.skipIf(!isThere)("with a NATS server", () => {
  let server: NatsServer;
  let lastPrefix = 0;
  let prefix: string;
  beforeAll(async () => {
    server = await NatsServer.start();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  /** An engine of the cluster of this test. */
  async function open(options: NatsEngineOptions = {}): Promise<ClusterEngine> {
    const engine = await natsEngine({ servers: server.servers, prefix, leaseMs: LEASE_MS, ...options });
    onTestFinished(() => engine.close());
    return engine;
  }

  async function openBoth(): Promise<[ClusterEngine, ClusterEngine]> {
    prefix = `test-${++lastPrefix}`;
    return [await open(), await open()];
  }

  /** Stops the server, at most until the end of the test. */
  async function freeze(): Promise<void> {
    onTestFinished(() => server.thaw());
    await server.freeze();
  }

  async function client(): Promise<NatsConnection> {
    const nc = await connect({ servers: server.servers });
    onTestFinished(() => nc.close());
    return nc;
  }

  async function readLog(engine: ClusterEngine, log: string): Promise<string[]> {
    const records: string[] = [];
    (await engine.follow(log, (record) => records.push(text(record)))).close();
    return records;
  }

  /** Stores a record as the server of a replicated stream can do: without comparing its number. */
  async function storeUnchecked(log: string, record: string, after: number): Promise<void> {
    const header = headers();
    header.set("Pb-After", String(after));
    await (await client()).request(`${prefix}.log.${log}`, bytes(record), { headers: header, timeout: 10_000 });
  }

  test("a record of a home that was replaced is void, also if the server has stored it", async () => {
    const [home, follower] = await openBoth();
    const seen: string[] = [];
    await follower.follow("log", (record) => seen.push(text(record)));
    const first = await home.append("log", bytes("first"), 0);
    const takeover = await follower.append("log", bytes("takeover"), first, { replace: true });
    await storeUnchecked("log", "late 1", first);
    await storeUnchecked("log", "late 2", first);
    const next = await follower.append("log", bytes("next"), takeover);
    expect(next).toBeGreaterThan(takeover + 2);
    await storeUnchecked("log", "late 3", takeover);
    await expect(home.append("log", bytes("old"), takeover)).rejects.toMatchObject({ code: "ENGINE_LOG_MOVED" });
    await follower.append("log", bytes("end"), next);
    await until(() => seen.at(-1) === "end", "the last record");
    expect(seen).toEqual(["first", "takeover", "next", "end"]);
    expect(await readLog(home, "log")).toEqual(["takeover", "next", "end"]);
  });

  test("a record of another program is left out", async () => {
    const [engine] = await openBoth();
    await (await client()).request(`${prefix}.log.log`, bytes("foreign"));
    await engine.append("log", bytes("own"), 0);
    expect(await readLog(engine, "log")).toEqual(["own"]);
  });

  test("nothing that was acknowledged is lost when the server is killed, and all goes on after its start", async () => {
    const [home, follower] = await openBoth();
    const seen: number[] = [];
    await follower.follow("log", (record) => seen.push(Number(text(record))));
    const lease = await home.claim("home.log", "home");
    const holders: (string | undefined)[] = [];
    follower.watch("home", (_key, holder) => holders.push(holder));
    let last = 0;
    for (let value = 1; value <= 20; value++) last = await home.append("log", bytes(`${value}`), last);
    await server.kill();
    await until(() => home.state === "away" && follower.state === "away", "both to be away");
    await expect(home.append("log", bytes("lost"), last)).rejects.toMatchObject({ code: "ENGINE_AWAY" });
    await expect(home.claim("home.other", "home")).rejects.toMatchObject({ code: "ENGINE_AWAY" });
    home.send("subject", bytes("lost"));
    await server.start();
    await until(() => home.state === "connected" && follower.state === "connected", "both to be connected");
    for (let value = 21; value <= 25; value++) last = await home.append("log", bytes(`${value}`), last);
    await until(() => seen.at(-1) === 25, "the last record");
    expect(seen).toEqual(Array.from({ length: 25 }, (_, index) => index + 1));
    expect([lease!.lost.aborted, holders]).toEqual([false, ["home"]]);
  });

  test("a server that does not answer is away, and so is one behind a silent network", async () => {
    const cable = await Cable.to(server);
    onTestFinished(() => cable[Symbol.asyncDispose]());
    const [other] = await openBoth();
    const behind = await open({ servers: `127.0.0.1:${cable.port}`, leaseMs: 300 });
    cable.silence();
    await until(() => behind.state === "away" && other.state === "connected", "the engine behind the cable to be away");
    cable.mend();
    await until(() => behind.state === "connected", "the engine behind the cable to be back");
    await freeze();
    await until(() => behind.state === "away" && other.state === "away", "both to be away");
    server.thaw();
    await until(() => behind.state === "connected" && other.state === "connected", "both to be back");
  });

  test("a claim whose answer was lost leaves the key free", async () => {
    const [one, other] = await openBoth();
    await freeze();
    await expect(one.claim("home.log", "one")).rejects.toMatchObject({ code: "ENGINE_AWAY" });
    server.thaw();
    await until(async () => {
      const lease = await other.claim("home.log", "other").catch(() => undefined);
      return lease !== undefined;
    }, "the other engine to get the key");
    expect(await one.claim("home.log", "one")).toBeUndefined();
  });

  test("a stream that was deleted begins again", async () => {
    const [home, follower] = await openBoth();
    const seen: [string, number][] = [];
    await follower.follow("log", (record, number) => seen.push([text(record), number]));
    const first = await home.append("log", bytes("a"), 0);
    const second = await home.append("log", bytes("b"), first);
    await until(() => seen.length === 2, "two records");
    const jsm = await jetstreamManager(await client());
    await jsm.streams.delete(`${prefix}-logs`);
    await jsm.streams.delete(`KV_${prefix}-leases`);
    await until(async () => {
      const error: unknown = await home.append("log", bytes("again"), 0).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      // The record of an attempt that was not acknowledged may be there.
      return error === undefined || error instanceof LogMovedError;
    }, "the stream to be there again");
    await until(() => seen.length > 2, "the record of the new stream"); // It may come again with another beginning.
    for (const [record, number] of seen.slice(2)) {
      expect(record).toBe("again");
      expect(number).toBeLessThanOrEqual(second);
    }
    await until(async () => (await home.claim("home.log", "home").catch(() => undefined)) !== undefined, "the bucket");
  });

  test("a cluster goes on with its last state when the server has lost everything", { timeout: 120_000 }, async () => {
    const own = await NatsServer.start();
    onTestFinished(() => own[Symbol.asyncDispose]());
    const homes: HomeState<{ items: number[] }>[] = [];
    const nodes = await Promise.all(
      ["a", "b"].map(async (node) => {
        const engine = await natsEngine({ servers: own.servers, leaseMs: LEASE_MS });
        const cluster = new Cluster({ engine, node, onError: () => undefined });
        onTestFinished(() => cluster.close());
        return cluster.live("list", { items: [0] }, (home) => {
          homes.push(home);
          return new Methods();
        });
      }),
    );
    const add = (item: number): Promise<unknown> =>
      homes
        .at(-1)!
        .update((draft) => void draft.items.push(item))
        .catch((error: unknown) => error);
    const items = (): string => nodes.map((node) => node.getSnapshot()?.items.join()).join(" ");
    await until(() => homes.length > 0, "a home");
    await until(async () => (await add(1)) === undefined, "the first update");
    await until(() => items() === "0,1 0,1", "both nodes to know it");
    await own.loseRecords();
    await until(async () => (await add(2)) === undefined, "an update of the new log");
    await until(() => items() === "0,1,2 0,1,2", "both nodes to know the new item");
  });

  test("says what is wrong with a server", async () => {
    prefix = "bad";
    const away = { servers: "127.0.0.1:9", connect: { reconnect: false } };
    await expect(natsEngine(away)).rejects.toMatchObject({ name: "EngineError", code: "ENGINE_UNREACHABLE" });
    const jsm = await jetstreamManager(await client());
    await jsm.streams.add({ name: "bad-logs", subjects: ["bad.log.>"], max_age: 1_000_000_000 });
    await expect(open()).rejects.toMatchObject({ code: "ENGINE_BAD_STREAM" });
    const limited = await jsm.streams.update("bad-logs", { max_age: 0 });
    expect(limited.config.max_age).toBe(0);
    await open();
    const plain = await NatsServer.start("127.0.0.1", []);
    onTestFinished(() => plain[Symbol.asyncDispose]());
    await expect(open({ servers: plain.servers })).rejects.toMatchObject({ code: "ENGINE_NO_JETSTREAM" });
  });

  test("credentials that NATS refuses are reported once, also those that it has accepted before", async () => {
    const users = (password: string): string[] => ["-js", "--user", "shop", "--pass", password];
    const own = await NatsServer.start("127.0.0.1", users("right"));
    onTestFinished(() => own[Symbol.asyncDispose]());
    const login = (pass: string): NatsEngineOptions => ({
      servers: own.servers,
      leaseMs: LEASE_MS,
      connect: { user: "shop", pass },
    });
    const refusal = { name: "EngineError", code: "ENGINE_REFUSED", cause: { message: "Authorization Violation" } };
    await expect(natsEngine(login("wrong"))).rejects.toMatchObject(refusal);
    const errors: unknown[] = [];
    const engine = await natsEngine(login("right"));
    const cluster = new Cluster({ engine, node: "a", onError: (error) => errors.push(error) });
    onTestFinished(() => cluster.close());
    const list = cluster.live("list", {});
    await list.ready();
    await own.kill();
    await own.start(users("other"));
    await until(() => errors.length > 0, "the refusal to be reported");
    const message = `The engine of the node a: NATS at ${own.servers} refuses the credentials: Authorization Violation`;
    expect(errors).toMatchObject([{ name: "EngineError", code: "ENGINE_REFUSED", message }]);
    await own.kill();
    await own.start(users("right"));
    await until(() => list.status === "live", "the node to be back");
    expect(errors).toHaveLength(1);
  });

  test("reports once that its stream got limits that would drop records, and goes on without them", async () => {
    const [engine] = await openBoth();
    const errors: unknown[] = [];
    const cluster = new Cluster({ engine, node: "a", onError: (error) => errors.push(error) });
    onTestFinished(() => cluster.close());
    const list = cluster.live("list", {});
    await list.ready();
    const jsm = await jetstreamManager(await client());
    await jsm.streams.update(`${prefix}-logs`, { max_msgs: 1_000_000 });
    await until(() => errors.length > 0 && list.status === "stale", "the limits to be reported");
    const message = expect.stringContaining("max_msgs 1000000") as string;
    expect(errors).toMatchObject([{ name: "EngineError", code: "ENGINE_BAD_STREAM", message }]);
    await jsm.streams.update(`${prefix}-logs`, { max_msgs: -1 });
    await until(() => list.status === "live", "the node to be back");
    expect(errors).toHaveLength(1);
  });

  test("leaves a connection of the program open", async () => {
    prefix = "own";
    const connection = await client();
    const engine = await natsEngine({ connection, prefix });
    await engine.append("log", bytes("a"), 0);
    await engine.close();
    expect(connection.isClosed()).toBe(false);
  });

  test("refuses names that are not names", async () => {
    const [engine] = await openBoth();
    for (const name of ["", ".", "a..b", "a.", "*", "a.>", "a b", "a/b", "é", "a".repeat(1025)]) {
      await expect(engine.append(name, bytes("a"), 0)).rejects.toThrow(TypeError);
      await expect(engine.follow(name, () => undefined)).rejects.toThrow(TypeError);
      await expect(engine.claim(name, "a")).rejects.toThrow(TypeError);
      expect(() => engine.watch(name, () => undefined)).toThrow(TypeError);
      expect(() => engine.listen(name, () => undefined)).toThrow(TypeError);
      expect(() => engine.send(name, bytes("a"))).toThrow(TypeError);
    }
  });
});

function bytes(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function text(record: Uint8Array): string {
  return new TextDecoder().decode(record);
}
