// What a method knows about the call that it runs for.

import { AsyncLocalStorage } from "node:async_hooks";
import { callContext, Referenceable, Root } from "@pb/broker";
import type { CallContext, Connection } from "@pb/broker";
import { AsReferenceable } from "@pb/broker/extension";
import { connectedPair } from "@pb/broker/testing";
import { expect, onTestFinished, test } from "vitest";
import { brokerAndPeer } from "../support/raw-peer.js";

const user = new AsyncLocalStorage<string>();

class Desk extends Root {
  readonly contexts: CallContext[] = [];
  readonly gates: (() => void)[] = [];
  connection: Connection | undefined;

  override rootObject(connection: Connection): this {
    this.connection = connection;
    return this;
  }

  remote_enter(name: string): string | undefined {
    const before = user.getStore();
    user.enterWith(name);
    return before;
  }

  async remote_enterAndWait(name: string): Promise<string | undefined> {
    user.enterWith(name);
    await new Promise<void>((resolve) => this.gates.push(resolve));
    return user.getStore();
  }

  remote_now(): void {
    this.contexts.push(callContext());
  }

  async remote_wait(): Promise<boolean> {
    const first = callContext();
    this.contexts.push(first);
    await new Promise<void>((resolve) => this.gates.push(resolve));
    return callContext() === first && helper() === first;
  }
}

function helper(): CallContext {
  return callContext();
}

async function open() {
  const desk = new Desk();
  const pair = await connectedPair({ root: desk });
  onTestFinished(() => pair.close());
  return { desk, pair, root: await pair.client.getRootObject<Desk>() };
}

test("callContext gives the connection and the caller, and no deadline of a caller that tells none", async () => {
  const { desk, root } = await open();
  await root.callRemote("now");
  const [context] = desk.contexts;
  expect(context).toMatchObject({ connection: desk.connection, perspective: null });
  expect([context!.deadline, context!.traceparent, context!.tracestate]).toEqual([undefined, undefined, undefined]);
  expect(context!.signal.aborted).toBe(false);
});

test("callContext gives the avatar that is calling", async () => {
  const avatar = {
    contexts: [] as CallContext[],
    receiveCall(): void {
      this.contexts.push(callContext());
    },
  };
  class Portal extends Referenceable {
    remote_login(): AsReferenceable {
      return new AsReferenceable(avatar);
    }
    rootObject(): this {
      return this;
    }
  }
  const pair = await connectedPair({ root: new Portal() });
  onTestFinished(() => pair.close());
  const root = await pair.client.getRootObject();
  const reference = (await root.callRemote("login")) as typeof root;
  await reference.callRemote("anything");
  expect(avatar.contexts[0]!.perspective).toBe(avatar);
});

test("calls that run at the same time have their own contexts, also behind an await", async () => {
  const { desk, pair, root } = await open();
  const answers = [root.callRemote("wait"), root.callRemote("wait"), root.callRemote("wait")];
  await pair.settled();
  expect(new Set(desk.contexts).size).toBe(3);
  for (const open of desk.gates.reverse()) open();
  expect(await Promise.all(answers)).toEqual([true, true, true]);
});

test("outside of a call, callContext throws", async () => {
  expect(() => callContext()).toThrow(TypeError);
  const { root } = await open();
  await root.callRemote("now");
  expect(() => callContext()).toThrow(TypeError);
});

test("what a method enters in an AsyncLocalStorage ends with it, and does not reach the next call of the batch", async () => {
  const { desk, pair, root } = await open();
  expect(await Promise.all(["a", "b", "c"].map((name) => root.callRemote("enter", name)))).toEqual([null, null, null]);
  const waiting = ["a", "b"].map((name) => root.callRemote("enterAndWait", name));
  expect(await root.callRemote("enter", "c")).toBeNull();
  await pair.settled();
  for (const open of desk.gates) open();
  expect(await Promise.all(waiting)).toEqual(["a", "b"]);
  expect(user.getStore()).toBeUndefined();
});

test("the signals of running calls abort when the connection ends, those of finished calls do not", async () => {
  const { desk, pair, root } = await open();
  await root.callRemote("now");
  const lost = root.callRemote("wait").catch((error: unknown) => error);
  await pair.settled();
  const [finished, running] = desk.contexts.map(({ signal }) => signal);
  pair.links.listener.cut();
  const reason = await pair.server.closed;
  expect(running!.aborted).toBe(true);
  expect(running!.reason).toBe(reason);
  expect(finished!.aborted).toBe(false);
  await lost;
});

test("the signal of a call of a stock peer aborts when the connection ends, also one that uses an id twice", async () => {
  const desk = new Desk();
  const { broker, peer } = await brokerAndPeer("listener", { root: desk });
  await peer.send(
    "(message 7 root wait 1 (tuple) (dictionary))",
    "(message 7 root wait 1 (tuple) (dictionary))",
    "(message 8 root wait 0 (tuple) (dictionary))",
  );
  const signals = desk.contexts.map(({ signal }) => signal);
  desk.gates[1]!();
  await peer.close();
  const reason = await broker.closed;
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, false, true]);
  expect(signals[0]!.reason).toBe(reason);
});

test("a signal that is first looked at after the end of the connection has aborted", async () => {
  const { desk, pair, root } = await open();
  const lost = root.callRemote("wait").catch((error: unknown) => error);
  await pair.settled();
  await pair.client.close();
  await pair.server.closed;
  expect(desk.contexts[0]!.signal.aborted).toBe(true);
  await lost;
});
