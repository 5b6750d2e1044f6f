// A Twisted server upgraded by txpb, and a client of ours: each can cancel calls of the other, and say goodbye.

import { callContext, CallTimeoutError, ConnectionLostError, DeadReferenceError, Referenceable } from "@pb/broker";
import type { Broker, RemoteReference } from "@pb/broker";
import { connect, OutcomeUnknownError, reconnecting } from "@pb/node-transport";
import { fileURLToPath } from "node:url";
import { describe, expect, inject, test } from "vitest";
import { Program, until } from "../../process/program.js";
import { pythonEnvironment } from "../../twisted/twisted.js";

const source = fileURLToPath(new URL("../../../packages/txpb/src", import.meta.url));
const TRACE = `00-${"a1".repeat(16)}-${"b2".repeat(8)}-01`;

const server = `
from twisted.internet import reactor, task
from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.spread import pb
import txpb

class Thing(pb.Referenceable):
    def remote_hi(self, who):
        return f"hi {who}"

class Server(pb.Root):
    def __init__(self):
        self.gates = []
        self.paid = 0

    async def remote_wait(self):
        gate = Deferred()
        self.gates.append(gate)
        print("started", flush=True)
        try:
            return await gate
        except CancelledError:
            print("stopped", flush=True)
            raise

    async def remote_pay(self):
        self.paid += 1
        broker = txpb.context().broker
        broker.transport.loseConnection()
        while not broker.disconnected:
            await task.deferLater(reactor, 0.001)
        return self.paid

    async def remote_context(self):
        call = txpb.context()
        return [call.remaining(), call.traceparent]

    def remote_note(self):
        call = txpb.context()
        self.noted = [call.remaining(), call.traceparent]

    def remote_noted(self):
        return self.noted

    def remote_thing(self):
        return Thing()

    async def remote_fail(self):
        raise pb.Error("no thing today")

    async def remote_call(self, reference, name, timeout):
        try:
            return await txpb.call(reference, name, timeout=timeout)
        except TimeoutError:
            return "timed out"

    async def remote_pipe(self, reference):
        return await txpb.call(txpb.pipe(reference, "thing"), "hi", "from Python")

    async def remote_drain(self):
        txpb.drain(factory, retry_after=2).addCallback(lambda _: print("drained", flush=True))
        reactor.callLater(0.2, self.gates.pop().callback, "answered")

    def remote_tellGoodbye(self, reference):
        def gone(seconds):
            try:
                reference.callRemote("hi")
            except txpb.GoingAway:
                print("goodbye", seconds, flush=True)
        txpb.notify_on_go_away(reference, gone)

factory = txpb.upgrade(pb.PBServerFactory(Server()))
port = reactor.listenTCP(0, factory, interface="127.0.0.1")
print(port.getHost().port, flush=True)
reactor.run()
`;

/** The methods of the server. */
interface Server {
  remote_wait(): string;
  remote_pay(): number;
  remote_context(): [number | null, string | null];
  remote_note(): void;
  remote_noted(): [number | null, string | null];
  remote_thing(): Thing;
  remote_fail(): Thing;
  remote_call(object: RemoteReference<Ours>, name: string, timeout: number | null): unknown;
  remote_pipe(object: RemoteReference<Ours>): string;
  remote_drain(): void;
  remote_tellGoodbye(object: RemoteReference<Ours>): void;
}

interface Thing extends Referenceable {
  remote_hi(who: string): string;
}

class OurThing extends Referenceable {
  remote_hi(who: string): string {
    return `hello ${who}`;
  }
}

class Ours extends Referenceable {
  reason: unknown;
  server: RemoteReference<Server> | undefined;

  remote_note(): void {
    this.server!.sendRemote("note");
  }

  /** Never answers. At the deadline, which both ends know, an answer could arrive before the caller stops waiting. */
  remote_wait(): Promise<void> {
    const { signal } = callContext();
    signal.addEventListener("abort", () => (this.reason = signal.reason));
    return new Promise(() => undefined);
  }

  remote_context(): (number | string | null)[] {
    const { deadline, traceparent } = callContext();
    return [deadline === undefined ? null : (deadline - performance.now()) / 1000, traceparent ?? null];
  }

  remote_thing(): OurThing {
    return new OurThing();
  }
}

describe.each(inject("twisteds"))("Twisted $version with txpb", ({ python }) => {
  async function withServer(
    run: (root: RemoteReference<Server>, program: Program, connection: Broker, url: string) => Promise<void>,
  ): Promise<void> {
    const env = { ...pythonEnvironment(), PYTHONPATH: source };
    await using program = new Program("the server", [python, "-c", server], { env });
    const port = await program.nextLine();
    const url = `tcp:127.0.0.1:${port}`;
    const connection = await connect(url);
    try {
      await run(await connection.getRootObject<Server>(), program, connection, url);
    } finally {
      await connection.close();
    }
    expect(program.stderr).toBe("");
  }

  test("cancels a coroutine when our signal aborts, when our time is over, and when we leave", () =>
    withServer(async (root, program, connection) => {
      const controller = new AbortController();
      const call = root.with({ signal: controller.signal }).call.wait();
      expect(await program.nextLine()).toBe("started");
      controller.abort();
      await expect(call).rejects.toMatchObject({ name: "AbortError" });
      expect(await program.nextLine()).toBe("stopped");

      await expect(root.with({ timeoutMs: 50 }).call.wait()).rejects.toThrow(CallTimeoutError);
      expect([await program.nextLine(), await program.nextLine()]).toEqual(["started", "stopped"]);

      const last = root.call.wait();
      expect(await program.nextLine()).toBe("started");
      await Promise.all([connection.close(), expect(last).rejects.toThrow(ConnectionLostError)]);
      expect(await program.nextLine()).toBe("stopped");
    }));

  test("runs a method once that ends its connection before it is answered", () =>
    withServer(async (_root, _program, _connection, url) => {
      await using client = reconnecting<Server>(url, { backoff: { firstMs: 1 } });
      expect(await client.with({ once: true }).call.pay()).toBe(1);
      await expect(client.call.pay()).rejects.toThrow(OutcomeUnknownError);
      expect(await client.with({ once: true }).call.pay()).toBe(3);
    }));

  test("cancels our methods, and tells them its deadline", () =>
    withServer(async (root) => {
      const ours = new Ours();
      expect(await root.call.call(ours, "wait", 0.05)).toBe("timed out");
      await until(() => ours.reason !== undefined, "the signal");
      const [left] = (await root.call.call(ours, "context", 50)) as [number];
      expect(left).toBeGreaterThan(10);
      expect(left).toBeLessThanOrEqual(50);
      expect(await root.call.call(ours, "context", null)).toEqual([null, null]);
    }));

  test("gets the deadline and the trace of our calls, and passes both on", () =>
    withServer(async (root) => {
      const [left, trace] = await root.with({ timeoutMs: 50_000, traceparent: TRACE }).call.context();
      expect(left).toBeGreaterThan(10);
      expect(left).toBeLessThanOrEqual(50);
      expect(trace).toBe(TRACE);
      const passedOn = await root
        .with({ timeoutMs: 50_000, traceparent: TRACE })
        .call.call(new Ours(), "context", null);
      expect(passedOn).toEqual([expect.any(Number), TRACE]);
      // A call without an answer has the trace, but no deadline: nothing waits for it.
      const ours = new Ours();
      ours.server = root;
      await root.with({ timeoutMs: 50_000, traceparent: TRACE }).call.call(ours, "note", null);
      expect(await root.call.noted()).toEqual([null, TRACE]);
      expect(await root.call.context()).toEqual([null, null]);
    }));

  test("runs calls to results that we do not know yet", () =>
    withServer(async (root) => {
      for (let round = 0; round < 2; round++) {
        const thing = root.pipe("thing");
        expect(await Promise.all([thing.call.hi("one"), thing.call.hi("two")])).toEqual(["hi one", "hi two"]);
        const failing = root.pipe("fail");
        await expect(failing.call.hi("three")).rejects.toMatchObject({ remoteType: "pbx.DependencyFailed" });
        await expect(failing).rejects.toThrow("no thing today");
      }
    }));

  test("pipelines calls to results of ours", () =>
    withServer(async (root) => {
      expect(await root.call.pipe(new Ours())).toBe("hello from Python");
      expect(await root.call.pipe(new Ours())).toBe("hello from Python");
    }));

  test("says goodbye, and loses no call", () =>
    withServer(async (root, program, connection) => {
      const goodbyes: number[] = [];
      connection.notifyOnGoAway((retryAfterMs) => goodbyes.push(retryAfterMs));
      const call = root.call.wait();
      await program.nextLine();
      await root.call.drain();
      await until(() => goodbyes.length > 0, "the goodbye");
      expect(goodbyes).toEqual([2000]);
      await expect(root.call.context()).rejects.toThrow(DeadReferenceError);
      expect(await call).toBe("answered");
      await connection.closed;
      expect(await program.nextLine()).toBe("drained");
    }));

  test("is told our goodbye, and makes no further calls", () =>
    withServer(async (root, program, connection) => {
      await root.call.tellGoodbye(new Ours());
      expect(await connection.goAway({ retryAfterMs: 3000 })).toBe(true);
      expect(await program.nextLine()).toBe("goodbye 3.0");
      await connection.closed;
    }));
});
