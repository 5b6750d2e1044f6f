import { expect, test } from "vitest";
import { MemoryEngine, MemoryServer } from "@pb/cluster";
import type { ClusterEngine } from "@pb/cluster";
import { engineCompliance, FaultyEngine } from "@pb/cluster/testing";
import type { EngineSystem } from "@pb/cluster/testing";

function memorySystem(): EngineSystem {
  const server = new MemoryServer();
  const engines = new Map<ClusterEngine, FaultyEngine>();
  return {
    async engine() {
      const engine = new FaultyEngine({ server });
      engines.set(engine, engine);
      return engine;
    },
    disconnect: async (engine) => engines.get(engine)!.disconnect(),
    reconnect: async (engine) => engines.get(engine)!.reconnect(),
    expire: async (engine) => engines.get(engine)!.expireLeases(),
  };
}

test.each(engineCompliance.map(({ name, run }) => [name, run] as const))("%s", (_name, run) => run(memorySystem()));

test("an engine without options is a cluster of its own", async () => {
  const [one, other] = [new MemoryEngine(), new MemoryEngine()];
  expect(await one.claim("key.a", "one")).toBeDefined();
  expect(await other.claim("key.a", "other")).toBeDefined();
  await Promise.all([one.close(), other.close()]);
});

test("a frozen engine appends when it thaws, unless the log has moved meanwhile", async () => {
  const server = new MemoryServer();
  const [frozen, other] = [new FaultyEngine({ server }), new FaultyEngine({ server })];
  const first = await frozen.append("log.a", new Uint8Array(1), 0);
  frozen.freeze();
  const late = frozen.append("log.a", new Uint8Array(2), first);
  await other.append("log.a", new Uint8Array(3), first);
  frozen.thaw();
  await expect(late).rejects.toMatchObject({ code: "ENGINE_LOG_MOVED" });
  await Promise.all([frozen.close(), other.close()]);
});

test("an append whose acknowledgement is lost is in the log", async () => {
  const engine = new FaultyEngine();
  engine.loseAcknowledgements();
  await expect(engine.append("log.a", new Uint8Array(1), 0)).rejects.toMatchObject({ code: "ENGINE_AWAY" });
  const numbers: number[] = [];
  await engine.follow("log.a", (_record, number) => void numbers.push(number));
  expect(numbers).toHaveLength(1);
  await engine.close();
});

test("refuses bad options", () => {
  expect(() => new MemoryEngine({ maxBytes: 0 })).toThrow(TypeError);
  expect(() => new MemoryEngine({ server: {} } as object)).toThrow(TypeError);
  expect(() => new MemoryEngine({ maxByte: 5 } as object)).toThrow("did you mean maxBytes?");
});
