// Incoming calls: results that are thenables, methods that close their connection, and errors of callbacks.

import { beforeAll, describe, expect, test } from "vitest";
import { Broker, ConnectionLostError, PBError, RemoteError, Root } from "@pb/broker";
import { connectedPair, linkPair } from "@pb/broker/testing";
import { copyType, TypeRegistry } from "@pb/jelly-types";
import { garbageCollector } from "../../../../tools/gc/garbage-collector.js";
import { brokerAndPeer, brokerAndUnnegotiatedPeer, rejection, settled } from "../support/raw-peer.js";
import { Echo, Failing } from "../support/invalid-input.js";
import { open } from "../support/desk.js";

beforeAll(() => void garbageCollector());

describe("a result that is a thenable", () => {
  test("is awaited", async () => {
    const { desk } = await open();
    expect(await desk.callRemote("thenable")).toBe("kept");
  });

  test.each(["throwingThen", "thenThatThrows"] as const)("rejects the call when it throws: %s", async (name) => {
    const { desk, pair } = await open();
    await expect(desk.callRemote(name)).rejects.toBeInstanceOf(RemoteError);
    expect(pair.server.isOpen).toBe(true);
    await pair.expectNothingLeft();
  });
});

describe("a method that closes its own connection", () => {
  test.each(["closeAndFail", "closeAndAnswer"] as const)(
    "rejects the call with ConnectionLostError: %s",
    async (name) => {
      const { desk, pair } = await open();
      const error = await rejection(desk.callRemote(name));
      expect(error).toBeInstanceOf(ConnectionLostError);
      expect(await pair.server.closed).toMatchObject({ reason: "closed" });
      await settled(); // an unhandled rejection would fail this test
    },
  );
});

describe("a method that ends after its connection", () => {
  const states: string[] = [];
  const stateOf = (name: string) => (): { message: string } => {
    states.push(name);
    return { message: name };
  };

  class Sold {
    readonly message: string = "";
  }

  class OutOfStock extends Error {}

  class Shop extends Root {
    readonly finish: ((value: unknown) => void)[] = [];

    remote_sell(): Promise<unknown> {
      return new Promise((resolve) => this.finish.push(resolve));
    }

    remote_sellSoon(): unknown {
      return [this.remote_sell()];
    }
  }

  const sold = (): unknown => new Sold();
  const failed = (): unknown => Promise.reject(new OutOfStock("no more"));

  test.each<["sell" | "sellSoon", string, () => unknown]>([
    ["sell", "sold", sold],
    ["sell", "out of stock", failed],
    ["sellSoon", "sold", sold],
    ["sellSoon", "out of stock", failed],
  ])("writes nothing: %s, %s", async (method, name, result) => {
    const types = new TypeRegistry()
      .register(copyType("shop.Sold", Sold, { getState: stateOf("sold") }))
      .register(copyType("shop.OutOfStock", OutOfStock, { getState: stateOf("out of stock") }));
    const shop = new Shop();
    const open = () => connectedPair({ root: shop, types, errorCopies: true, onEvent: () => undefined }, { types });

    const pair = await open();
    const answered = (await pair.client.getRootObject<Shop>()).callRemote(method).catch(() => undefined);
    await settled();
    shop.finish.pop()!(result());
    await answered;
    expect(states.splice(0), "while the connection is open").toEqual([name]);
    await pair.close();

    const { server, client } = await open();
    const lost = rejection((await client.getRootObject<Shop>()).callRemote(method));
    await settled();
    await server.close();
    shop.finish.pop()!(result());
    expect(await lost).toBeInstanceOf(ConnectionLostError);
    await settled();
    expect(states).toEqual([]);
  });
});

test("an error thrown by onEvent is an uncaught exception and does not affect the peer", async () => {
  const thrown: unknown[] = [];
  const listeners = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", (error) => thrown.push(error));
  try {
    const error = new Error("onEvent failed");
    const onEvent = (): never => {
      throw error;
    };
    const { desk, pair } = await open({ onEvent });
    await expect(desk.callRemote("fault")).rejects.toThrow("a bug");
    await expect(desk.callRemote("functionLater")).rejects.toThrow("function");
    expect(pair.server.isOpen).toBe(true);
    expect(thrown).toEqual([error, error]);
    await pair.close();
    await settled();
  } finally {
    process.removeAllListeners("uncaughtException");
    for (const listener of listeners) process.on("uncaughtException", listener);
  }
});

describe("errors of callbacks of the program", () => {
  test.each(["now", "later"])(
    "an invalid failure description is replaced, for a method that fails %s",
    async (method) => {
      const parents = new Array<string>(700_000).fill("shop.Error");
      const describeError = () => ({ type: "shop.Error", message: "more parents than a list can have", parents });
      const { broker, peer } = await brokerAndPeer("listener", { root: new Failing(), describeError });
      await peer.send(`(message 1 root ${method} 1 (tuple) (dictionary))`);
      expect(peer.received()).toEqual([expect.stringContaining("builtins.Exception")]);
      expect(broker.isOpen).toBe(true);
    },
  );

  test("an error of the root source closes the connection with that error as its cause", async () => {
    const error = new PBError("no root");
    const rootObject = (): never => {
      throw error;
    };
    const { peer, broker } = brokerAndUnnegotiatedPeer("listener", { root: { rootObject } });
    await peer.send("pb", "(version 6)");
    const reason = await broker.closed;
    expect(reason.cause).toBe(error);
    expect(reason.reason).not.toBe("protocol");
    await expect(broker.ready).rejects.toBe(reason);
    expect(peer.isClosed).toBe(true);
  });

  test("a connection that its root source has ended was never ready, whenever a program asks", async () => {
    let asked: Promise<void> | undefined;
    const rootObject = (connection: { terminate(why: "limit"): void; readonly ready: Promise<void> }): Root => {
      connection.terminate("limit");
      asked = connection.ready;
      return new Echo();
    };
    const { listener, initiator } = linkPair();
    const server = new Broker(listener, { root: { rootObject: rootObject as never } });
    new Broker(initiator);
    await server.closed;
    await expect(asked).rejects.toMatchObject({ reason: "limit" });
    await expect(server.ready).rejects.toMatchObject({ reason: "limit" });
  });

  test("a root source may close the connection", async () => {
    const rootObject = (connection: { terminate(why: "limit"): void }): Root => {
      connection.terminate("limit");
      return new Echo();
    };
    const { peer, broker } = brokerAndUnnegotiatedPeer("listener", { root: { rootObject } });
    await peer.send("pb", "(version 6)", "(message 1 root echo 1 (tuple 1) (dictionary))");
    await expect(broker.ready).rejects.toMatchObject({ reason: "limit" });
    expect(peer.received()).toEqual(["(pb none)"]);
  });
});
