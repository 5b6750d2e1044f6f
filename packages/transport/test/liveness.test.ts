import { Broker } from "@pb/broker";
import { linkPair } from "@pb/broker/testing";
import { defaultLiveness, watchOver } from "@pb/transport";
import type { LivenessOptions, Pulse } from "@pb/transport";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { completeLiveness, isResponsive } from "../src/liveness.js";
import { Echo, echo, sleep, until } from "./support/echo.js";
import { connectTo, PulsedLink, serve } from "./support/memory-network.js";

/** Two brokers, the client of which watches over the connection. */
async function watchedPair(liveness: LivenessOptions) {
  const links = linkPair();
  const server = new Broker(links.listener, { root: new Echo() });
  const pulse = new PulsedLink(links.initiator);
  const client = new Broker(pulse);
  onTestFinished(() => client.close());
  const monitor = watchOver(client, pulse, liveness);
  await client.ready;
  return { links, server, client, pulse, monitor };
}

function fakeTimers(): void {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "setTimeout", "clearTimeout", "performance"] });
  onTestFinished(() => void vi.useRealTimers());
}

test("ends the connection when nothing was received for its time after a ping", async () => {
  const { links, client } = await watchedPair({ intervalMs: 20, answerMs: 200 });
  links.initiator.hold();
  const start = performance.now();
  expect(await client.closed).toMatchObject({
    reason: "unresponsive",
    message: "The peer stopped answering: nothing was received for 200 ms after a ping",
  });
  expect(performance.now() - start).toBeGreaterThan(180);
});

test("ends the connection when the peer reads nothing", async () => {
  const { links, client } = await watchedPair({ intervalMs: 20, answerMs: 200 });
  links.listener.hold();
  const root = await client.getRootObject<Echo>();
  root.sendRemote("echo", "x".repeat(100_000));
  expect((await client.closed).reason).toBe("unresponsive");
});

test("does not end the connection while it has stopped reading", async () => {
  const root = new Echo();
  const { network } = serve(root, {
    broker: { limits: { callsRunning: 1 } },
    liveness: { intervalMs: 20, answerMs: 200 },
  });
  const client = await connectTo(network);
  const answer = (await client.getRootObject<Echo>()).callRemote("wait", "long");
  answer.catch(() => undefined);
  await until(() => root.waiting.length === 1, "the call runs");
  await Promise.race([sleep(1000), client.closed]);
  expect(client.isOpen).toBe(true);
  root.answerAll();
  expect(await answer).toBe("long");
});

test("ends the connection at the second check after its time, however long that is", async () => {
  fakeTimers();
  const { links, client, pulse } = await watchedPair({ intervalMs: 1_000, answerMs: 80_000 });
  links.initiator.hold();
  const before = pulse.sentBytes;
  await vi.advanceTimersByTimeAsync(900);
  expect(pulse.sentBytes, "a ping was sent").toBeGreaterThan(before);
  vi.advanceTimersByTime(89_999);
  expect(client.isOpen).toBe(true);
  vi.advanceTimersByTime(1);
  expect(client.isOpen).toBe(false);
  expect((await client.closed).reason).toBe("unresponsive");
});

test("does not end the connection because the event loop of this process was blocked", async () => {
  const { client } = await watchedPair({ intervalMs: 20, answerMs: 200 });
  await sleep(30);
  const end = performance.now() + 1000;
  while (performance.now() < end);
  expect(await echo(client, "still here")).toBe("still here");
});

test("stops when the result is disposed of", async () => {
  const { links, client, monitor } = await watchedPair({ intervalMs: 20, answerMs: 100 });
  links.initiator.hold();
  monitor[Symbol.dispose]();
  await sleep(400);
  expect(client.isOpen).toBe(true);
});

test("stops both timers when the result is disposed of while a ping waits, and starts none before the connection is ready", async () => {
  fakeTimers();
  const { links, client, pulse, monitor } = await watchedPair({ intervalMs: 20, answerMs: 100 });
  links.initiator.hold();
  const before = pulse.sentBytes;
  await vi.advanceTimersByTimeAsync(19);
  expect(pulse.sentBytes, "a ping was sent").toBeGreaterThan(before);
  expect(vi.getTimerCount()).toBe(2);
  monitor[Symbol.dispose]();
  expect(vi.getTimerCount()).toBe(0);
  vi.advanceTimersByTime(1000);
  expect(client.isOpen).toBe(true);

  const ends = linkPair();
  const early = new Broker(new PulsedLink(ends.initiator));
  onTestFinished(() => early.close());
  watchOver(early, new PulsedLink(ends.initiator), { intervalMs: 20, answerMs: 100 })[Symbol.dispose]();
  const server = new Broker(ends.listener, { root: new Echo() });
  await Promise.all([early.ready, server.ready]);
  expect(vi.getTimerCount()).toBe(0);
});

test("sends one ping of 20 bytes at a time, and six bytes at each interval while it waits", async () => {
  const { listener, initiator } = linkPair();
  const sent: string[] = [];
  listener.start({
    received: (bytes) => sent.push(Buffer.from(bytes).toString("hex")),
    drained: () => undefined,
    lost: () => undefined,
  });
  listener.send(Buffer.from("02800282706204826e6f6e65", "hex")); // (pb none)
  const pulse = new PulsedLink(initiator);
  const client = new Broker(pulse);
  watchOver(client, pulse, { intervalMs: 50, answerMs: 100_000 });
  const version = "028013870681";
  await until(() => sent.join("").split(version).length > 5, "several keepalives were sent");
  const all = sent.join("");
  expect(all.startsWith(`02827062${version}`)).toBe(true);
  const rest = all.slice(`02827062${version}`.length);
  const ping = "07801a8701810082008201810180" + "0b8701800587"; // (message 1 '' '' 1 (tuple) (dictionary))
  expect(rest.startsWith(ping)).toBe(true);
  expect(rest.slice(ping.length).replaceAll(version, "")).toBe("");
  client.terminate("closed");
});

test("stops its timers when the connection ends, and they do not keep the process alive", async () => {
  fakeTimers();
  const set = [vi.spyOn(globalThis, "setInterval"), vi.spyOn(globalThis, "setTimeout")];
  const { client, server } = await watchedPair({ intervalMs: 10, answerMs: 10_000 });
  for (const spy of set) spy.mockClear(); // the timers of the negotiation
  await vi.advanceTimersByTimeAsync(30);
  expect(client.latency(), "a ping was answered").toBeDefined();
  const delayed = set.flatMap((spy) =>
    spy.mock.calls.map(([, ms], index) => ({ ms, timer: spy.mock.results[index]! })),
  );
  const timers = delayed.filter(({ ms }) => ms !== 0).map(({ timer }) => timer.value as NodeJS.Timeout);
  expect(timers.length).toBeGreaterThan(1);
  expect(timers.every((timer) => !timer.hasRef())).toBe(true);
  await client.close();
  await server.closed;
  expect(vi.getTimerCount()).toBe(0);
  vi.restoreAllMocks();
});

test("sends no ping if the interval is infinite", async () => {
  const { client } = await watchedPair({ intervalMs: Infinity, answerMs: Infinity });
  await sleep(100);
  expect(client.latency()).toBeUndefined();
});

test("pings every 25 seconds and waits 30 seconds by default", () => {
  expect(defaultLiveness).toEqual({ intervalMs: 25_000, answerMs: 30_000 });
});

test.each([{ intervalMs: 0 }, { intervalMs: 0.5 }, { answerMs: 0 }, { answerMs: Number.NaN }])(
  "refuses the times %j",
  (options) => {
    expect(() => completeLiveness(options)).toThrow(TypeError);
  },
);

describe("of two ends with the same times", () => {
  /** How many pings each end has sent. */
  async function pingsDuring(milliseconds: number, work?: (pair: { client: Broker; server: Broker }) => void) {
    fakeTimers();
    vi.advanceTimersByTime(100_000); // The process is older than the connection.
    const times = { intervalMs: 1_600, answerMs: 100_000 };
    const { network, connections } = serve(new Echo(), { liveness: times });
    const { broker: client, pulse } = await network.dial()(new AbortController().signal);
    watchOver(client, pulse, times);
    const [server] = connections.all;
    const [own, its] = [vi.spyOn(client, "ping"), vi.spyOn(server!, "ping")];
    for (let time = 0; time < milliseconds; time += 400) {
      work?.({ client, server: server! });
      await vi.advanceTimersByTimeAsync(400);
    }
    return { client: own.mock.calls.length, server: its.mock.calls.length };
  }

  test("the client sends the pings", async () => {
    expect(await pingsDuring(10_000)).toEqual({ client: 6, server: 0 });
  });

  test("both send one at every eighth time, so that both know the latency", async () => {
    expect(await pingsDuring(28_000)).toEqual({ client: 19, server: 2 });
  });

  test("none sends a ping, except at every eighth time, while both send other messages", async () => {
    const pings = await pingsDuring(10_000, ({ client, server }) => {
      client.keepAlive();
      server.keepAlive();
    });
    expect(pings).toEqual({ client: 0, server: 0 });
  });

  test("the one that receives nothing sends the pings", async () => {
    const pings = await pingsDuring(3_200, ({ client }) => client.keepAlive());
    expect(pings).toEqual({ client: 2, server: 0 });
  });
});

test("a client sends a ping nine tenths of the interval after the last byte, or a sixteenth of it earlier at most", async () => {
  fakeTimers();
  const { network, connections } = serve(new Echo(), { liveness: false });
  const { broker: client, pulse } = await network.dial()(new AbortController().signal);
  watchOver(client, pulse, { intervalMs: 1_600, answerMs: 100_000 });
  const [server] = connections.all;
  const pings = vi.spyOn(client, "ping");
  for (const time of [310, 730, 1_190]) {
    await vi.advanceTimersByTimeAsync(time);
    server!.keepAlive();
    await vi.advanceTimersByTimeAsync(0);
    const last = pulse.lastReceived;
    pings.mockClear();
    while (pings.mock.calls.length === 0) await vi.advanceTimersByTimeAsync(10);
    const silence = performance.now() - last;
    expect(silence, `of a byte after ${time} ms`).toBeGreaterThan(1_340);
    expect(silence, `of a byte after ${time} ms`).toBeLessThanOrEqual(1_440);
  }
});

describe("a ping that waits for its answer", () => {
  /** Milliseconds between two checks. The time for an answer is eight of them. */
  const CHECK = 1_000;

  /** The time until a client sends its first ping, with an interval of an hour. */
  const WAIT = 3_240_000;

  /** A connection over which nothing arrives, whose ping was just sent. The test controls the pulse and the clock. */
  async function pinged(start: Partial<Pulse> = {}) {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "setTimeout", "clearTimeout"] });
    let now = 50_000;
    const clock = vi.spyOn(performance, "now").mockImplementation(() => now);
    onTestFinished(() => {
      clock.mockRestore();
      vi.useRealTimers();
    });
    const links = linkPair();
    const server = new Broker(links.listener, { root: new Echo() });
    const client = new Broker(links.initiator);
    onTestFinished(() => client.terminate("closed"));
    await Promise.all([client.ready, server.ready]);
    links.initiator.hold();
    const sent = now + WAIT;
    const pulse = { lastReceived: 0, lastLeft: 0, leftBytes: 20, sentBytes: 20, isPaused: false, ...start };
    let afterTurn = (): void => undefined;
    const platform = { afterTurn: (callback: () => void) => (afterTurn = callback), unref: vi.fn(), warn: vi.fn() };
    watchOver(client, pulse, { intervalMs: 3_600_000, answerMs: 8 * CHECK }, platform);
    await client.ready;
    now = sent;
    vi.advanceTimersByTime(WAIT);
    afterTurn();
    /** Lets the time pass until the next check. `ms` differs from {@link CHECK} if the process was blocked. */
    const check = (ms = CHECK): void => {
      now += ms;
      vi.advanceTimersByTime(CHECK);
    };
    return {
      client,
      pulse,
      check,
      now: () => now,
      /** Milliseconds from the ping until the connection ends. Infinity if it outlives many times its time. */
      lifetime: () => {
        for (let count = 0; client.isOpen; count++) {
          if (count > 100) return Infinity;
          check();
        }
        return now - sent;
      },
    };
  }

  test("ends the connection at the second check after its time", async () => {
    expect((await pinged()).lifetime()).toBe(9_000);
  });

  test("waits again from each byte that was received, also after its time was over at one check", async () => {
    const { check, pulse, now, lifetime } = await pinged();
    for (let count = 0; count < 8; count++) check();
    pulse.lastReceived = now() + 500;
    expect(lifetime()).toBe(8_500 + 9_500);
  });

  test("counts what leaves the process as a sign of life only until it has left itself", async () => {
    const queued = await pinged({ leftBytes: 0 });
    for (let count = 0; count < 5; count++) queued.check();
    Object.assign(queued.pulse, { lastLeft: queued.now(), leftBytes: 19 });
    expect(queued.lifetime()).toBe(5_000 + 9_000);

    const gone = await pinged();
    for (let count = 0; count < 5; count++) gone.check();
    gone.pulse.lastLeft = gone.now();
    expect(gone.lifetime()).toBe(9_000);

    const leaving = await pinged();
    leaving.pulse.lastLeft = leaving.now() + 500;
    expect(leaving.lifetime()).toBe(10_000);
  });

  test("waits again when the process was blocked for more than two checks and half a second", async () => {
    const short = await pinged();
    short.check(2_500);
    expect(short.lifetime()).toBe(9_500);

    const long = await pinged();
    long.check(2_501);
    expect(long.lifetime()).toBe(2_501 + 9_000);
  });

  test("says nothing about a peer that is not read, unless that peer has to read", async () => {
    expect((await pinged({ isPaused: true })).lifetime()).toBe(Infinity);
    expect((await pinged({ isPaused: true, leftBytes: 19 })).lifetime()).toBe(9_000);

    const leaving = await pinged({ isPaused: true, leftBytes: 19 });
    for (let count = 0; count < 5; count++) leaving.check();
    leaving.pulse.lastLeft = leaving.now();
    expect(leaving.lifetime()).toBe(5_000 + 9_000);

    const busy = await pinged({ isPaused: true, leftBytes: 19 });
    vi.spyOn(busy.client, "stats").mockReturnValue({ ...busy.client.stats(), pausedBy: "callsRunning" });
    expect(busy.lifetime()).toBe(Infinity);
  });
});

describe("isResponsive", () => {
  test("is true if the ping is answered", async () => {
    expect(await isResponsive(await connectTo(serve(new Echo()).network), 3_600_000)).toBe(true);
  });

  test.each([
    [false, "nothing arrives", {}],
    [true, "bytes arrive", { bytesReceived: 11 }],
    [true, "this end does not read", { pausedBy: "queuedBytes" }],
  ] as const)("is %s if the ping is not answered in time and %s", async (result, _, later) => {
    const { network } = serve(new Echo());
    const client = await connectTo(network);
    network.cut();
    const stats = { ...client.stats(), bytesReceived: 10, pausedBy: undefined };
    vi.spyOn(client, "stats")
      .mockReturnValueOnce(stats)
      .mockReturnValueOnce({ ...stats, ...later });
    expect(await isResponsive(client, 10)).toBe(result);
    client.terminate("closed");
    expect(await isResponsive(client, 10)).toBe(false);
  });
});
