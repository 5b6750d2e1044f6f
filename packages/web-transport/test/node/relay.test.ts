// The gateway without its sockets: how it passes bytes on, and answers calls itself.

import { describe, expect, test } from "vitest";
import { encode, pb, Scanner } from "@pb/banana";
import type { Expression } from "@pb/banana";
import type { LinkReceiver } from "@pb/broker/extension";
import { linkPair } from "@pb/broker/testing";
import type { MemoryLink } from "@pb/broker/testing";
import { MethodFilter } from "../../src/node/method-filter.js";
import { relay } from "../../src/node/relay.js";
import { until } from "../support/echo.js";

/** Starts a link, and counts what it receives. */
function counting(link: MemoryLink): { readonly count: { bytes: number } } {
  const count = { bytes: 0 };
  const receiver: LinkReceiver = {
    received: (bytes) => void (count.bytes += bytes.length),
    drained: () => undefined,
    lost: () => undefined,
  };
  link.start(receiver);
  return { count };
}

const chunk = new Uint8Array(10_000);
/** What may wait for one end, and one more chunk, after which the other end is not read. */
const most = 256 * 1024 + chunk.length;

describe("a relay", () => {
  test.each([
    ["the other end", false],
    ["the same end, which gets answers from the relay itself", true],
  ])("does not read an end while too much waits for %s", async (_which, isAnswered) => {
    const [browser, server] = [linkPair(), linkPair()];
    const { count } = counting(browser.initiator);
    const { count: atServer } = counting(server.listener);
    const answer = isAnswered ? (bytes: Uint8Array) => browser.listener.send(bytes) : undefined;
    const ended = relay(browser.listener, server.initiator, answer);
    const [slow, arrived] = isAnswered ? [browser.initiator, count] : [server.listener, atServer];
    for (let round = 1; round <= 2; round++) {
      slow.hold();
      for (let sent = 0; sent < 100; sent++) browser.initiator.send(chunk);
      await new Promise((resolve) => setTimeout(resolve, 0));
      expect((isAnswered ? browser.listener : server.initiator).queuedBytes).toBeLessThanOrEqual(most);
      expect(browser.initiator.queuedBytes).toBeGreaterThan(500_000);
      slow.release();
      await until(() => arrived.bytes === round * 100 * chunk.length);
      expect(browser.initiator.queuedBytes).toBe(0);
    }
    browser.initiator.close();
    await ended;
  });
});

describe("the end of a relay", () => {
  function start() {
    const [browser, server] = [linkPair(), linkPair()];
    const { count } = counting(browser.initiator);
    counting(server.listener);
    return { browser, server, count, ended: relay(browser.listener, server.initiator) };
  }

  test("in order, comes after the bytes that wait for a slow end", async () => {
    const { browser, server, count, ended } = start();
    browser.initiator.hold();
    for (let sent = 0; sent < 20; sent++) server.listener.send(chunk);
    server.listener.close();
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(count.bytes).toBe(0);
    browser.initiator.release();
    await ended;
    expect(count.bytes).toBe(20 * chunk.length);
  });

  test("by an error, does not wait for a slow end", async () => {
    const { browser, server, ended } = start();
    browser.initiator.hold();
    server.listener.send(chunk);
    await new Promise((resolve) => setTimeout(resolve, 0));
    server.listener.cut();
    await ended;
  });

  test("a link may use the buffer again that it has passed on", async () => {
    const [browser, server] = [linkPair(), linkPair()];
    const received: Uint8Array[] = [];
    browser.initiator.start({
      received: (bytes) => received.push(bytes.slice()),
      drained: () => undefined,
      lost: () => undefined,
    });
    counting(server.listener);
    const shared = new Uint8Array(1);
    const begin = server.initiator.start.bind(server.initiator);
    server.initiator.start = (receiver) =>
      begin({
        ...receiver,
        received: ([byte]) => {
          shared.fill(byte!);
          receiver.received(shared);
        },
      });
    const ended = relay(browser.listener, server.initiator);
    browser.initiator.hold();
    for (const byte of [1, 2, 3]) {
      server.listener.send(Uint8Array.of(byte));
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    browser.initiator.release();
    server.listener.close();
    await ended;
    expect(Buffer.concat(received)).toEqual(Buffer.of(1, 2, 3));
  });
});

describe("the filter of a gateway", () => {
  const word = (text: string): Uint8Array => new TextEncoder().encode(text);
  const call = (id: number, method: string, ...args: Expression[]): Expression[] => {
    const empty = [word("dictionary")];
    return [word("message"), id, word("root"), word(method), 1, [word("tuple"), ...args], empty];
  };

  function start() {
    const [toClient, toServer] = [new Scanner({ dialect: pb }), [] as Uint8Array[]];
    const filter = new MethodFilter(new Set(["echo"]), {
      toClient: (bytes) => toClient.push(bytes),
      toServer: (bytes) => void toServer.push(bytes),
    });
    filter.fromClient(encode(word("pb"), { dialect: "pb" }));
    toServer.length = 0;
    const send = (message: Expression) => filter.fromClient(encode(message, { dialect: "pb" }));
    const received = (): unknown[] => {
      const heads: unknown[] = [];
      for (let message = toClient.next(); message !== undefined; message = toClient.next()) {
        const [command, id] = message as [Uint8Array, number];
        heads.push(`${Buffer.from(command).toString()} ${id}`);
      }
      return heads;
    };
    return { filter, send, received, toServer };
  }

  test("answers between the messages of the server, however often it has to wait for their end", () => {
    const { filter, send, received, toServer } = start();
    const message = encode([word("answer"), 1, word("x".repeat(100))], { dialect: "pb" });
    for (let round = 1; round <= 1000; round++) {
      filter.fromServer(message.subarray(0, 50));
      send(call(round, "secret"));
      filter.fromServer(message.subarray(50));
      expect(received()).toEqual(["answer 1", `error ${round}`]);
    }
    expect(toServer).toEqual([]);
  });

  test("forgets a cache when the client has confirmed its release", () => {
    const { send, received, toServer } = start();
    for (let id = 1; id <= 1100; id++) {
      send(call(id, "secret", [word("test.Board"), id, [word("dictionary")]]));
      expect(received()).toEqual([`decache ${id}`, `error ${id}`]);
      send([word("uncache"), id]);
      expect(toServer).toEqual([]);
    }
    send([word("uncache"), 1]); // That of another cache, which the server knows.
    expect(toServer).toHaveLength(1);
  });
});
