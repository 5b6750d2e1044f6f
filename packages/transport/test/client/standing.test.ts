// Setups that run on every connection: subscriptions that survive.

import { RemoteError } from "@pb/broker";
import type { BrokerEvent, RemoteReference } from "@pb/broker";
import type { Standing } from "@pb/transport";
import { describe, expect, expectTypeOf, test } from "vitest";
import { until } from "../support/echo.js";
import { Listener, startHouse } from "../support/house.js";
import type { Room } from "../support/house.js";

/** Resolves when a setup has run on the current connection. */
async function bound(standing: Pick<Standing, "state">): Promise<void> {
  await until(() => standing.state.is === "bound", "the setup has finished");
}

test("runs on every connection, before the calls that wait for it", async () => {
  const { client, house, drop } = startHouse();
  await client.current();
  let runs = 0;
  const standing = client.standing((root) => {
    runs++;
    return root.callRemote("echo", "subscribe");
  });
  expect(standing.state.is).toBe("binding");
  await bound(standing);
  for (let connection = 1; connection <= 2; connection++) {
    await drop();
    expect(standing.state.is).toBe("unbound");
    house.log = [];
    await client.callRemote("echo", "waits");
    expect(house.log).toEqual(["echo subscribe", "echo waits"]);
    await bound(standing);
  }
  expect(runs).toBe(3);
});

test("asks with its cursor for what it has missed", async () => {
  const { client, house, drop } = startHouse();
  const heard: number[] = [];
  let last: ((cursor: number) => void) | undefined;
  const standing = client.standing(
    (root, { cursor, advance }) => {
      last = advance;
      const listener = new Listener((event) => {
        heard.push(event);
        if (event < 3) advance(event);
      });
      return root.callRemote("events", listener, cursor!);
    },
    { cursor: 0 },
  );
  expectTypeOf(standing).toEqualTypeOf<Standing<number>>();
  await bound(standing);
  expect(standing.cursor).toBe(2);
  await drop();
  last!(100); // Its connection has ended.
  expect(standing.cursor).toBe(2);
  await bound(standing);
  expect(heard).toEqual([1, 2, 3, 3]);
  expect(house.log).toEqual(["events after 0", "events after 2"]);
});

describe("what the setup returns", () => {
  test("is called when the setup is disposed of, which ends it", async () => {
    const { client, house, drop } = startHouse();
    const signals: AbortSignal[] = [];
    const standing = client.standing((root, { signal }) => {
      signals.push(signal);
      return () => root.callRemote("leave");
    });
    await bound(standing);
    standing[Symbol.dispose]();
    await until(() => house.log.includes("leave"), "the server is told");
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    await drop();
    await client.callRemote("echo", "hi");
    standing.retry();
    standing[Symbol.dispose]();
    await client.callRemote("echo", "hi");
    expect(signals).toHaveLength(1);
    expect(house.log).toEqual(["leave", "echo hi", "echo hi"]);
    expect(standing.state).toMatchObject({ is: "gone", cause: { code: "REFERENCE_DEAD" } });
  });

  test("is called when the client is closed, before its connection is", async () => {
    const { client, house, events } = startHouse();
    const standing = client.standing((root) => () => root.callRemote("leave"));
    await bound(standing);
    await client.close();
    await until(() => house.log.includes("leave"), "the server is told");
    expect(standing.state).toMatchObject({ is: "gone", cause: { code: "CALL_NOT_CONNECTED" } });
    expect(events.filter(({ kind }) => kind === "callback-failed")).toEqual([]);
  });

  test("is called once per connection, and its errors are reported", async () => {
    const { client, events, drop } = startHouse();
    let calls = 0;
    const standing = client.standing(() => () => {
      calls++;
      throw new Error("cannot leave");
    });
    await bound(standing);
    await drop();
    expect(calls).toBe(1);
    await bound(standing);
    standing[Symbol.dispose]();
    expect(calls).toBe(2);
    const failed = (): readonly BrokerEvent[] => events.filter(({ kind }) => kind === "callback-failed");
    await until(() => failed().length === 2, "the errors are reported");
    expect(failed()).toMatchObject([{ error: { message: "cannot leave" } }, { error: { message: "cannot leave" } }]);
  });

  test("is called when the server goes away, and the setup runs on the next connection", async () => {
    const { client, house, events } = startHouse();
    const standing = client.standing(async (root) => {
      await root.callRemote("room", "lobby");
      return () => root.callRemote("leave");
    });
    await bound(standing);
    const { connection } = client;
    await house.goAway();
    await connection!.closed;
    await bound(standing);
    expect(house.log).toEqual(["room lobby", "leave", "room lobby"]);
    expect(events.filter(({ kind }) => kind === "callback-failed")).toEqual([]);
  });

  test("is disposed of if it is a reference", async () => {
    const { client } = startHouse();
    let room: RemoteReference<Room> | undefined;
    const standing = client.standing(async (root) => (room = await root.callRemote("room", "lobby")));
    await bound(standing);
    expect(room!.isAlive).toBe(true);
    standing[Symbol.dispose]();
    expect(room!.isAlive).toBe(false);
  });

  test("is disposed of if it arrives after the disposal", async () => {
    const { client, house } = startHouse();
    let finish!: () => void;
    const started = new Promise<void>((resolve) => (finish = resolve));
    const standing = client.standing(async (root) => {
      await started;
      return () => root.callRemote("leave");
    });
    await until(() => standing.state.is === "binding", "the setup runs");
    standing[Symbol.dispose]();
    finish();
    await until(() => house.log.includes("leave"), "the server is told");
  });
});

test("what the setup returns is called once, in whichever turn the disposal is", async () => {
  const { client } = startHouse();
  await client.current();
  const turns = async (count: number): Promise<void> => {
    for (let turn = 0; turn < count; turn++) await Promise.resolve();
  };
  for (let count = 0; count < 12; count++) {
    let finish!: () => void;
    let calls = 0;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    const standing = client.standing(async () => {
      await finished;
      return () => {
        calls++;
      };
    });
    await turns(20);
    finish();
    await turns(count);
    standing[Symbol.dispose]();
    await turns(20);
    expect([count, calls]).toEqual([count, 1]);
  }
});

describe("a setup that fails", () => {
  test("is reported once, and runs again on the next connection and at `retry`", async () => {
    const { client, events, drop } = startHouse();
    let isFailing = true;
    const signals: AbortSignal[] = [];
    const standing = client.standing((root, { signal }) => {
      signals.push(signal);
      return isFailing ? root.callRemote("refuse") : undefined;
    });
    const states: string[] = [];
    standing.onState(({ is }) => void states.push(is));
    await until(() => standing.state.is === "gone", "the setup has failed");
    expect(standing.state).toMatchObject({ cause: expect.any(RemoteError) });
    await drop();
    await client.callRemote("echo", "hi");
    await until(() => standing.state.is === "gone", "the setup has failed again");
    isFailing = false;
    standing.retry();
    await bound(standing);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, false]);
    expect(events.filter(({ kind }) => kind === "callback-failed")).toHaveLength(2);
    expect(states.join()).toBe("binding,gone,unbound,binding,gone,binding,bound");
  });

  test("and throws is reported in the same way", async () => {
    const { client, events } = startHouse();
    const standing = client.standing(() => {
      throw new Error("bug");
    });
    await until(() => standing.state.is === "gone", "the setup has failed");
    expect(events).toContainEqual({ kind: "callback-failed", error: new Error("bug") });
    expect(await client.callRemote("echo", "hi")).toBe("hi");
  });
});

test("a setup that breaks three connections in a row waits for one that lasts, and others are served", async () => {
  const { client, house, network, events } = startHouse({ backoff: { firstMs: 5, highestMs: 5, stableMs: 60_000 } });
  let runs = 0;
  const standing = client.standing(() => {
    runs++;
    network.drop();
    return new Promise(() => undefined);
  });
  await until(() => standing.state.is === "gone", "the setup has broken three connections");
  expect(runs).toBe(3);
  expect(standing.state).toMatchObject({ cause: { code: "CALL_OUTCOME_UNKNOWN", cause: { code: "CONNECTION_LOST" } } });
  expect(await client.callRemote("echo", "served")).toBe("served");
  expect(house.log).toEqual(["echo served"]);
  expect(runs).toBe(3);
  expect(events.filter(({ kind }) => kind === "callback-failed")).toEqual([]);
});

test("a setup that has broken three connections runs again on one that has lasted", async () => {
  const { client, network } = startHouse({ backoff: { firstMs: 5, highestMs: 5, stableMs: 20 } });
  let runs = 0;
  const standing = client.standing(() => {
    if (++runs > 3) return undefined;
    network.drop();
    return new Promise(() => undefined);
  });
  await bound(standing);
  expect(runs).toBe(4);
});

test("a setup of a path runs when that is bound, and again when it was gone", async () => {
  const { client, house, events, drop } = startHouse();
  const room = client.path("room", "lobby");
  house.faults.push(() => Promise.reject(new Error("full")));
  const standing = room.standing((reference) => {
    expectTypeOf(reference).toEqualTypeOf<RemoteReference<Room>>();
    return reference.callRemote("say", "here");
  });
  await until(() => standing.state.is === "gone", "the path is gone");
  expect(standing.state).toBe(room.state);
  room.retry();
  await bound(standing);
  await drop();
  await bound(standing);
  expect(house.log).toEqual(["room lobby", "room lobby", "say here", "room lobby", "say here"]);
  expect(events.filter(({ kind }) => kind === "callback-failed")).toHaveLength(1);
});

test("a setup of a path that broke three connections follows when that is tried again", async () => {
  const { client, house, network } = startHouse({ backoff: { firstMs: 5, highestMs: 5, stableMs: 20 } });
  house.faults.push(...Array.from({ length: 3 }, () => () => network.drop()));
  const standing = client.path("room", "lobby").standing((room) => room.callRemote("say", "here"));
  await bound(standing);
  expect(house.log).toEqual(["room lobby", "room lobby", "room lobby", "room lobby", "say here"]);
});

test("the connection ends while the setup runs: it starts anew, and its late calls harm nothing", async () => {
  const { client, house, drop, events } = startHouse();
  const signals: AbortSignal[] = [];
  const standing = client.standing(async (root, { signal }) => {
    signals.push(signal);
    if (signals.length === 1) await house.wait(undefined);
    await root.callRemote("echo", `run ${signals.length}`);
  });
  await until(() => house.waiting.length === 1, "the setup runs");
  await drop();
  expect(signals[0]!.aborted).toBe(true);
  await bound(standing);
  house.answerAll();
  await client.callRemote("echo", "last");
  expect(signals).toHaveLength(2);
  expect(house.log).toEqual(["echo run 2", "echo last"]);
  expect(events.filter(({ kind }) => kind === "callback-failed")).toEqual([]);
});

test("a setup may close the client or dispose of others", async () => {
  const { client, house } = startHouse();
  const other = client.standing((root) => root.callRemote("echo", "other"));
  const first = client.standing(async () => {
    other[Symbol.dispose]();
    await client.close();
  });
  await until(() => first.state.is === "gone", "the client is closed");
  expect(other.state).toMatchObject({ cause: { code: "REFERENCE_DEAD" } });
  expect(house.log.length).toBeLessThan(2);
});

test("bad arguments are refused", () => {
  const { client } = startHouse();
  expect(() => client.standing("setup" as never)).toThrow(TypeError);
  expect(() => client.standing(() => undefined, { cursors: 1 } as never)).toThrow(TypeError);
});
