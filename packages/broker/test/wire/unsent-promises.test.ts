// Promises in values that are not sent: a rejection is reported, and never becomes an unhandled rejection, which would
// end the process (and fails this run, because the workers run with --unhandled-rejections=strict).

import { asLocal, Copyable, RemoteError, Root } from "@pb/broker";
import type { BrokerEvent, Reference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { describe, expect, test } from "vitest";

class Unsendable {
  readonly field = 1;
}

class Order extends Copyable {
  static readonly remoteType = "test.Order";
  readonly user: Promise<string>;

  constructor(user: Promise<string>) {
    super();
    this.user = user;
  }
}

class Users extends Root {
  started = 0;

  remote_now(): unknown {
    return { user: this.#load() };
  }

  async remote_later(): Promise<unknown> {
    return [{ user: this.#load() }, new Map([["also", this.#load()]])];
  }

  remote_behind(): unknown {
    return [new Unsendable(), this.#load()];
  }

  remote_inside(): unknown {
    return new Order(this.#load());
  }

  remote_nested(): unknown {
    return { first: Promise.resolve({ second: this.#load() }) };
  }

  async #load(): Promise<string> {
    this.started++;
    await new Promise((resolve) => setTimeout(resolve, 1));
    throw new RangeError("no such user");
  }
}

async function open() {
  const events: BrokerEvent[] = [];
  const users = new Users();
  const pair = await connectedPair({ root: users, onEvent: (event) => events.push(event) });
  const failures = (): unknown[] => events.flatMap((event) => (event.kind === "method-failed" ? [event.error] : []));
  return { users, pair, failures, root: await pair.client.getRootObject() };
}

const noSuchUser = expect.objectContaining({ message: "no such user" }) as unknown;

describe("a rejected promise in a result", () => {
  test.each(["now", "later", "nested"])("is reported when the caller wants no answer: %s", async (method) => {
    const { root, pair, failures } = await open();
    root.sendRemote(method);
    await expect.poll(failures).toEqual([noSuchUser]);
    await expect.poll(() => pair.server.stats().callsRunning).toBe(0);
    await pair.close();
  });

  test.each(["now", "later", "nested"])("is answered and reported: %s", async (method) => {
    const { root, pair, failures } = await open();
    await expect(root.callRemote(method)).rejects.toBeInstanceOf(RemoteError);
    expect(failures()).toEqual([noSuchUser]);
    await pair.close();
  });

  test.each(["now", "later", "nested"])("is reported when the caller hangs up first: %s", async (method) => {
    const { users, root, pair, failures } = await open();
    const answer = root.callRemote(method).catch(() => undefined);
    await expect.poll(() => users.started).toBeGreaterThan(0);
    pair.links.listener.cut();
    await expect.poll(failures).toEqual([noSuchUser]);
    await answer;
  });

  test("is reported when a value before it cannot be sent", async () => {
    const { root, pair, failures } = await open();
    await expect(root.callRemote("behind")).rejects.toBeInstanceOf(RemoteError);
    await expect.poll(failures).toEqual([noSuchUser]);
    await pair.close();
  });

  test("is handled when it is in the state of a copy, which may not contain promises", async () => {
    const { root, pair } = await open();
    await expect(root.callRemote("inside")).rejects.toThrow("A promise cannot be sent");
    await new Promise((resolve) => setTimeout(resolve, 10));
    await pair.close();
  });
});

describe("a rejected promise in an argument", () => {
  test.each([
    ["itself", () => [Promise.reject(new Error("unused"))]],
    ["behind a value that cannot be sent", () => [new Unsendable(), { late: Promise.reject(new Error("unused")) }]],
  ])("is handled, because the call fails: %s", async (_where, args) => {
    const { root, pair } = await open();
    await expect(root.callRemote("now", ...args())).rejects.toThrow("cannot be sent");
    expect(() => root.sendRemote("now", ...args())).toThrow("cannot be sent");
    await pair.close();
  });
});

describe("through a local reference", () => {
  test("promises in a result are waited for, as on the wire", async () => {
    const answer = { user: Promise.resolve("Ann"), list: [Promise.resolve({ deep: Promise.resolve(1) })] };
    const local = asLocal({ receiveCall: () => answer }) as unknown as Reference;
    expect(await local.callRemote("get")).toEqual({ user: "Ann", list: [{ deep: 1 }] });
  });

  test.each(["now", "later", "nested"])("a rejected promise rejects the call: %s", async (method) => {
    const local = asLocal(new Users()) as unknown as Reference;
    await expect(local.callRemote(method)).rejects.toBeInstanceOf(RemoteError);
  });

  test("a rejected promise is handled when there is no answer", async () => {
    const local = asLocal(new Users());
    local.sendRemote("now");
    await new Promise((resolve) => setTimeout(resolve, 10));
  });
});
