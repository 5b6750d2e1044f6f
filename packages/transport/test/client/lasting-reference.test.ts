// References that outlive connections: when their recipes run, their states, and their calls.

import { CallTimeoutError, DeadReferenceError, RemoteError } from "@pb/broker";
import type { Reference } from "@pb/broker";
import { NotConnectedError, OutcomeUnknownError } from "@pb/transport";
import type { LastingReference } from "@pb/transport";
import { describe, expect, expectTypeOf, test } from "vitest";
import { useInAllWays } from "../../../broker/test/support/protocols.js";
import { until } from "../support/echo.js";
import { startHouse } from "../support/house.js";
import type { House, Member, Room } from "../support/house.js";

type Client = ReturnType<typeof startHouse>["client"];

/** The names of the states that a lasting reference has from now on. */
function statesOf(reference: LastingReference<never> | LastingReference<Room> | LastingReference<Member>): string[] {
  const states: string[] = [reference.state.is];
  reference.onState((state) => void states.push(state.is));
  return states;
}

test.each<[string, (client: Client) => [object: object, use: (object: any) => unknown]]>([
  ["ReconnectingClient.state", (client) => [client, (object) => object.state]],
  ["CurrentObject.callRemote", (client) => [client, (object) => object.callRemote("room", "a")]],
  ["CurrentObject.call", (client) => [client, (object) => object.call]],
  ["LastingReference.state", (client) => [client.path("room", "a"), (object) => object.state]],
  ["LastingReference.sendRemote", (client) => [client.path("room", "a"), (object) => object.sendRemote("say", "b")]],
  ["Standing.state", (client) => [client.standing(() => undefined), (object) => object.state]],
])("%s of a proxy throws an error with advice, and has the tag that keeps Vue from making one", (name, make) => {
  const [object, use] = make(startHouse().client);
  expect(() => use(new Proxy(object, {}))).toThrow(`${name} was used on a proxy or a copy of the object: keep the`);
  expect(Object.prototype.toString.call(object)).toMatch(/^\[object (ReconnectingClient|LastingReference|Standing)\]$/);
});

test("what programs do with any object calls no method of the server", async () => {
  const { client, house } = startHouse();
  await client.current();
  const room = client.path("room", "lobby");
  const standing = client.standing(() => undefined);
  for (const object of [
    client,
    client.call,
    client.with({}),
    room,
    room.call,
    room.with({ timeoutMs: 9 }).call,
    standing,
  ])
    await useInAllWays(object);
  expect([house.log, room.state.is]).toEqual([[], "unbound"]);
  expect(await room.call.say("a")).toBe("lobby: a");
});

test("a callback that is no function is refused where it is given", () => {
  const room = startHouse().client.path("room", "lobby");
  for (const wrong of [undefined, null, 5, {}])
    expect(() => room.notifyOnDisconnect(wrong as never)).toThrow(new TypeError("The callback must be a function"));
});

const caught = (call: Promise<unknown>): Promise<unknown> => call.catch((error: unknown) => error);

describe("the method of a path", () => {
  test("is called when the reference is first needed, once per connection", async () => {
    const { client, house, drop } = startHouse();
    const room = client.path("room", "lobby");
    await client.current();
    expect(house.log).toEqual([]);
    for (let connection = 1; connection <= 3; connection++) {
      house.log = [];
      expect(await Promise.all([room.callRemote("say", "a"), room.call.say("b")])).toEqual(["lobby: a", "lobby: b"]);
      expect(await room.callRemote("say", "c")).toBe("lobby: c");
      expect(house.log).toEqual(["room lobby", "say a", "say b", "say c"]);
      await drop();
    }
  });

  test("is called after that of its parent", async () => {
    const { client, house, drop } = startHouse();
    const room = client.path("room", "lobby");
    const member = room.path("member", "ann");
    expect(await member.callRemote("name")).toBe("ann in lobby");
    expect(house.log).toEqual(["room lobby", "member ann"]);
    await drop();
    expect(await Promise.all([room.callRemote("say", "hi"), member.callRemote("name")])).toEqual([
      "lobby: hi",
      "ann in lobby",
    ]);
    expect(house.log.filter((line) => line !== "say hi")).toEqual([
      "room lobby",
      "member ann",
      "room lobby",
      "member ann",
    ]);
  });

  test("is called after the login and before the calls that wait", async () => {
    const order: string[] = [];
    const { client, house, drop } = startHouse({
      login: async (connection) => {
        const root = await connection.getRootObject<House>();
        house.log.push("login");
        return root;
      },
    });
    await client.current();
    const room = client.path("room", "lobby");
    await drop();
    house.log = order;
    await Promise.all([client.callRemote("echo", "waits"), room.callRemote("say", "waits")]);
    expect(order).toEqual(["login", "room lobby", "echo waits", "say waits"]);
  });

  test("is not called for a connection that does not need it", async () => {
    const { client, house, drop } = startHouse();
    const room = client.path("room", "lobby");
    await room.current();
    await drop();
    await client.callRemote("echo", "hi");
    expect(house.log).toEqual(["room lobby", "echo hi"]);
  });

  test("is called again when the reference was released", async () => {
    const { client, house } = startHouse();
    const room = client.path("room", "lobby");
    (await room.current())[Symbol.dispose]();
    expect(await room.callRemote("say", "hi")).toBe("lobby: hi");
    expect(house.log).toEqual(["room lobby", "room lobby", "say hi"]);
  });
});

describe("the state", () => {
  test("follows the connections", async () => {
    const { client, drop } = startHouse();
    await client.current();
    const room = client.path("room", "lobby");
    const states = statesOf(room);
    expect(room.reference).toBeUndefined();
    expect(await room.current()).toBe(room.reference);
    await drop();
    expect(room.reference).toBeUndefined();
    await room.callRemote("say", "hi");
    await client.close();
    expect(states).toEqual(["unbound", "binding", "bound", "unbound", "binding", "bound", "gone"]);
    expect(room.state).toMatchObject({ cause: { code: "CALL_NOT_CONNECTED" } });
    expect(room.isAlive).toBe(false);
  });

  test("is gone when the method fails, until `retry` or the next connection", async () => {
    const { client, house, drop } = startHouse();
    const room = client.path("room", "lobby");
    const states = statesOf(room);
    const fail = (): Promise<never> => Promise.reject(Object.assign(new Error("full"), { name: "Full" }));
    house.faults.push(fail);
    const first = await caught(room.callRemote("say", "1"));
    expect(first).toBeInstanceOf(RemoteError);
    expect(room.state).toEqual({ is: "gone", cause: first });
    expect(await caught(room.callRemote("say", "2"))).toBe(first);
    expect(house.log).toEqual(["room lobby"]);
    room.retry();
    expect(room.state.is).toBe("binding");
    expect(await room.callRemote("say", "3")).toBe("lobby: 3");
    await drop();
    house.faults.push(fail);
    await expect(room.callRemote("say", "4")).rejects.toBeInstanceOf(RemoteError);
    await drop();
    expect(await room.callRemote("say", "5")).toBe("lobby: 5");
    expect(states.join()).toBe("unbound,binding,gone,binding,bound,unbound,binding,gone,unbound,binding,bound");
  });

  test("is gone when the result is not a reference", async () => {
    const { client } = startHouse();
    // @ts-expect-error the result of the method is not a reference
    const path = client.path("echo", "text").callRemote("anything") as Promise<never>;
    const error = await caught(path);
    expect(error).toMatchObject({ remoteType: "pbx.NotAReference", message: "The result of echo is not a reference" });
  });

  test("is gone when the method is not answered in the time of a login", async () => {
    const { client, house } = startHouse({ loginMs: 50 });
    house.faults.push(() => house.wait(undefined));
    const room = client.path("room", "lobby");
    await expect(room.callRemote("say", "hi")).rejects.toBeInstanceOf(CallTimeoutError);
    expect(room.state.is).toBe("gone");
    const again = async (): Promise<unknown> => {
      room.retry(); // On a busy machine, 50 ms may be over again.
      return caught(room.callRemote("say", "hi"));
    };
    await until(async () => (await again()) === "lobby: hi", "it is bound");
  });

  test("of a child is that of its parent while that is gone", async () => {
    const { client, house } = startHouse();
    const room = client.path("room", "lobby");
    const member = room.path("member", "ann");
    house.faults.push(() => Promise.reject(new Error("full")));
    const states = statesOf(member);
    const error = await caught(member.callRemote("name"));
    expect(error).toBeInstanceOf(RemoteError);
    expect(member.state).toBe(room.state);
    expect(await caught(member.callRemote("name"))).toBe(error);
    member.retry();
    expect(await member.callRemote("name")).toBe("ann in lobby");
    expect(states.join()).toBe("unbound,binding,gone,unbound,binding,bound");
    expect(house.log).toEqual(["room lobby", "room lobby", "member ann"]);
  });

  test("reports what a watcher throws, and calls the others", async () => {
    const { client, events } = startHouse();
    const room = client.path("room", "lobby");
    room.onState(() => {
      throw new Error("bug");
    });
    const states = statesOf(room);
    await room.current();
    expect(states).toEqual(["unbound", "binding", "bound"]);
    expect(events.filter(({ kind }) => kind === "callback-failed")).toHaveLength(2);
  });
});

describe("a call", () => {
  test("in flight when the connection is lost rejects, or is sent again if it is idempotent", async () => {
    const { client, house, network } = startHouse();
    const room = client.path("room", "lobby");
    const once = caught(room.callRemote("wait"));
    const again = room.with({ idempotent: true }).callRemote("wait");
    await until(() => house.waiting.length === 2, "both calls run");
    network.drop();
    expect(await once).toMatchObject({ code: "CALL_OUTCOME_UNKNOWN", method: "wait" });
    await until(() => house.waiting.length === 3, "one call runs again");
    house.answerAll();
    expect(await again).toBe("waited");
    expect(house.log).toEqual(["room lobby", "room lobby"]);
  });

  test("can be given up while the reference is bound, and is then not sent", async () => {
    const { client, house } = startHouse();
    house.faults.push(() => house.wait(undefined));
    const room = client.path("room", "lobby");
    const { signal, abort } = giveUp();
    const call = caught(room.with({ signal }).callRemote("say", "given up"));
    await until(() => house.waiting.length === 1, "the path is called");
    await expect(room.with({ timeoutMs: 1 }).callRemote("say", "late")).rejects.toBeInstanceOf(CallTimeoutError);
    abort();
    expect(await call).toMatchObject({ message: "given up" });
    house.answerAll();
    expect(await room.callRemote("say", "hi")).toBe("lobby: hi");
    expect(house.log).toEqual(["room lobby", "say hi"]);
  });

  test("rejects at once with `whileDown: fail`", async () => {
    const { client, drop } = startHouse({ backoff: { firstMs: 3_600_000, highestMs: 3_600_000 } });
    const room = client.path("room", "lobby");
    await room.current();
    await drop();
    await expect(room.with({ whileDown: "fail" }).callRemote("say", "hi")).rejects.toBeInstanceOf(NotConnectedError);
    await expect(room.current({ timeoutMs: 1 })).rejects.toMatchObject({ code: "CALL_NOT_CONNECTED" });
    const waiting = caught(room.callRemote("say", "hi"));
    await client.close();
    expect(await waiting).toBeInstanceOf(NotConnectedError);
  });

  test("to a result that has not arrived waits for a connection and the reference", async () => {
    const { client, house, drop } = startHouse();
    const room = client.path("room", "lobby");
    expect(await room.pipe("member", "ann").call.name()).toBe("ann in lobby");
    await drop();
    const member = room.with({ timeoutMs: 60_000 }).pipe("member", "bob");
    expect(await member.callRemote("name")).toBe("bob in lobby");
    expect(await (await member).callRemote("name")).toBe("bob in lobby");
    expect(house.log).toEqual(["room lobby", "member ann", "room lobby", "member bob"]);
  });

  test("without an answer is sent at once, or when the reference is bound", async () => {
    const { client, house, events, drop } = startHouse();
    const room = client.path("room", "lobby");
    room.sendRemote("say", "before");
    await until(() => house.log.includes("say before"), "the first message arrives");
    room.sendRemote("say", "after");
    await room.drained();
    expect(await room.callRemote("say", "last")).toBe("lobby: last");
    expect(house.log).toEqual(["room lobby", "say before", "say after", "say last"]);
    await drop();
    house.faults.push(() => Promise.reject(new Error("full")));
    room.sendRemote("say", "never");
    await until(() => events.some(({ kind }) => kind === "callback-failed"), "the error is reported");
  });
});

describe("disposal", () => {
  test("rejects the calls that wait for a connection, also of a child, and all later ones", async () => {
    const { client, drop } = startHouse({ backoff: { firstMs: 3_600_000, highestMs: 3_600_000 } });
    const room = client.path("room", "lobby");
    await room.current();
    await drop();
    const member = room.path("member", "ann");
    const waiting = [caught(room.callRemote("say", "hi")), caught(member.callRemote("name"))];
    room[Symbol.dispose]();
    for (const call of waiting) expect(await call).toBeInstanceOf(DeadReferenceError);
    await expect(room.callRemote("say", "hi")).rejects.toBeInstanceOf(DeadReferenceError);
    expect(room.state).toMatchObject({ is: "gone", cause: { code: "REFERENCE_DEAD" } });
    expect(room.isAlive).toBe(false);
    room.retry();
    expect(room.state.is).toBe("gone");
  });

  test("leaves the calls of the client and of other references waiting", async () => {
    const { client, drop } = startHouse({ backoff: { firstMs: 3_600_000, highestMs: 3_600_000 } });
    const room = client.path("room", "lobby");
    const other = client.path("room", "attic");
    await room.current();
    await drop();
    const waiting = Promise.all([client.callRemote("echo", "hi"), other.callRemote("say", "hi")]);
    const rejected = caught(room.callRemote("say", "hi"));
    room[Symbol.dispose]();
    expect(await rejected).toBeInstanceOf(DeadReferenceError);
    client.retryNow();
    expect(await waiting).toEqual(["hi", "attic: hi"]);
  });

  test("while it is bound rejects the calls that wait for it, also of a child", async () => {
    const { client, house } = startHouse();
    house.faults.push(() => house.wait(undefined));
    const room = client.path("room", "lobby");
    const member = room.path("member", "ann");
    const calls = [caught(room.callRemote("say", "hi")), caught(member.callRemote("name"))];
    await until(() => house.waiting.length === 1, "the path is called");
    const states = statesOf(member);
    room[Symbol.dispose]();
    for (const call of calls) expect(await call).toBeInstanceOf(DeadReferenceError);
    house.answerAll();
    expect(states).toEqual(["binding", "gone"]);
    expect(member.isAlive).toBe(false);
    await expect(member.callRemote("name")).rejects.toBeInstanceOf(DeadReferenceError);
    expect(house.log).toEqual(["room lobby"]);
  });

  test("ends what is below it, bound or not", async () => {
    const { client, house } = startHouse();
    const room = client.path("room", "lobby");
    const member = room.path("member", "ann");
    const silent = room.path("member", "bob");
    const standing = room.standing((reference) => async () => reference.callRemote("say", "bye"));
    await Promise.all([member.callRemote("name"), silent.callRemote("name")]);
    await until(() => standing.state.is === "bound", "the setup has finished");
    const states = statesOf(member);
    room[Symbol.dispose]();
    for (const child of [member, silent])
      await expect(child.callRemote("name")).rejects.toBeInstanceOf(DeadReferenceError);
    expect(states).toEqual(["bound", "gone"]);
    expect(silent.reference).toBeUndefined();
    expect(standing.state).toBe(room.state);
    await until(() => house.log.includes("say bye"), "the server is told");
  });

  test("leaves the references of others alone", async () => {
    const { client } = startHouse();
    const other = client.path("room", "lobby");
    {
      using room = client.path("room", "lobby");
      expect(await room.callRemote("say", "a")).toBe("lobby: a");
    }
    expect(await other.callRemote("say", "b")).toBe("lobby: b");
  });
});

describe("a connection that is lost while the reference is bound", () => {
  test("is followed by another attempt on the next, and the call is sent once", async () => {
    const { client, house, network } = startHouse();
    const lose = (): Promise<undefined> => {
      network.drop();
      return Promise.resolve(undefined);
    };
    house.faults.push(lose, lose);
    const room = client.path("room", "lobby");
    const states = statesOf(room);
    expect(await room.callRemote("say", "hi")).toBe("lobby: hi");
    expect(house.log).toEqual(["room lobby", "room lobby", "room lobby", "say hi"]);
    expect(states.join()).toBe("unbound,binding,unbound,binding,unbound,binding,bound");
  });

  test("rejects the calls after the third in a row, and other calls go on", async () => {
    const { client, house, network } = startHouse({ backoff: { firstMs: 5, highestMs: 5, stableMs: 60_000 } });
    house.faults.push(...Array.from({ length: 100 }, () => () => network.drop()));
    const room = client.path("room", "poison");
    const error = await caught(room.callRemote("say", "hi"));
    expect(error).toBeInstanceOf(OutcomeUnknownError);
    expect(error).toMatchObject({ method: "room", cause: { code: "CONNECTION_LOST" } });
    expect(await client.callRemote("echo", "after it")).toBe("after it");
    expect(room.state).toEqual({ is: "gone", cause: error });
    expect(await caught(room.callRemote("say", "hi"))).toBe(error);
    expect(house.log.filter((line) => line === "room poison")).toHaveLength(3);
    house.faults.length = 0;
    room.retry();
    expect(await room.callRemote("say", "hi")).toBe("poison: hi");
  });

  test("is unbound again, and says so, when a connection has lasted long enough", async () => {
    const { client, house, network } = startHouse({ backoff: { firstMs: 5, highestMs: 5, stableMs: 20 } });
    house.faults.push(...Array.from({ length: 3 }, () => () => network.drop()));
    const room = client.path("room", "lobby");
    const states = statesOf(room);
    const memberStates = statesOf(room.path("member", "ann"));
    await expect(room.callRemote("say", "hi")).rejects.toBeInstanceOf(OutcomeUnknownError);
    await until(() => states.slice(-2).join() === "gone,unbound", "the pause is over");
    expect(memberStates).toEqual(["unbound", "gone", "unbound"]);
    const late = statesOf(room);
    expect(await room.callRemote("say", "hi")).toBe("lobby: hi");
    expect(late).toEqual(["unbound", "binding", "bound"]);
  });

  test("is tried again on a connection that has lasted long enough", async () => {
    const { client, house, network } = startHouse({ backoff: { firstMs: 5, highestMs: 5, stableMs: 20 } });
    house.faults.push(...Array.from({ length: 3 }, () => () => network.drop()));
    const room = client.path("room", "lobby");
    await expect(room.callRemote("say", "hi")).rejects.toBeInstanceOf(OutcomeUnknownError);
    await until(async () => (await caught(room.callRemote("say", "hi"))) === "lobby: hi", "it is bound again");
  });
});

test("a retry while the reference is bound changes nothing", async () => {
  const { client, house } = startHouse();
  house.faults.push(() => house.wait(undefined));
  const room = client.path("room", "lobby");
  const call = room.callRemote("say", "hi");
  await until(() => house.waiting.length === 1, "the path is called");
  room.retry();
  house.answerAll();
  expect(await call).toBe("lobby: hi");
  room.retry();
  expect(await room.callRemote("say", "hi")).toBe("lobby: hi");
  expect(house.log.filter((line) => line === "room lobby")).toHaveLength(1);
});

test("a server that goes away is left while the reference is bound, and the next connection binds it", async () => {
  const { client, house, network } = startHouse();
  house.faults.push(() => house.wait(undefined));
  const room = client.path("room", "lobby");
  const call = room.callRemote("say", "hi");
  await until(() => house.waiting.length === 1, "the path is called");
  expect(network.made).toBe(1);
  await house.goAway();
  expect(await call).toBe("lobby: hi");
  expect(network.made).toBe(2);
  house.answerAll();
});

test("`notifyOnDisconnect` calls back once, when the connection ends on which the reference was bound", async () => {
  const { client, drop } = startHouse();
  const room = client.path("room", "lobby");
  const ended: unknown[] = [];
  room.notifyOnDisconnect((reference) => void ended.push(reference));
  const removed = room.notifyOnDisconnect(() => void ended.push("removed"));
  removed[Symbol.dispose]();
  for (let connection = 1; connection <= 2; connection++) {
    await room.current();
    await drop();
  }
  expect(ended).toEqual([room]);
});

test("bad arguments are refused, and arguments that cannot be sent make the reference gone", async () => {
  const { client } = startHouse();
  expect(() => client.path(5 as never)).toThrow(TypeError);
  await expect(client.callRemote("echo", client.path("room", "lobby") as never)).rejects.toMatchObject({
    code: "JELLY_NOT_JELLYABLE",
  });
  const room = client.path("room", (() => "lobby") as never);
  await expect(room.callRemote("say", "hi")).rejects.toMatchObject({ code: "JELLY_NOT_JELLYABLE" });
  expect(() => room.with({ timeoutMs: -1 })).toThrow(TypeError);
  expect(() => room.with({ patience: 1 } as never)).toThrow(TypeError);
});

test("its type is that of the results of its methods, and it is a `Reference`", () => {
  const { client } = startHouse();
  const room = client.path("room", "lobby");
  expectTypeOf(room).toEqualTypeOf<LastingReference<Room>>();
  expectTypeOf(room.path("member", "ann")).toEqualTypeOf<LastingReference<Member>>();
  expectTypeOf(room).toExtend<Reference<Room>>();
  expectTypeOf(client.path("echo", "text")).toEqualTypeOf<never>();
  expectTypeOf(room.call.say).returns.toEqualTypeOf<Promise<string>>();
  // @ts-expect-error the argument has another type
  client.path("room", 5);
});

function giveUp(): { readonly signal: AbortSignal; readonly abort: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort(new Error("given up")) };
}
