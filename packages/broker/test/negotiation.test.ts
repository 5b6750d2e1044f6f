// The negotiation of the dialect, with a peer that sends something else or nothing (wire specification 3).

import { describe, expect, test } from "vitest";
import { Broker } from "@pb/broker";
import { linkPair } from "@pb/broker/testing";
import { brokerAndUnnegotiatedPeer } from "./support/raw-peer.js";
import { latin, digits, TLS_HELLO, expectEnd } from "./support/invalid-input.js";
import type { Row } from "./support/invalid-input.js";

const noDialect: Row[] = [
  ["an HTTP request", latin("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"), "BANANA_NOT_BANANA", /an HTTP request/],
  ["a POST request", latin("POST /form HTTP/1.1\r\n\r\n"), "BANANA_NOT_BANANA", /an HTTP request/],
  ["an HTTP answer", latin("HTTP/1.1 400 Bad Request\r\n\r\n"), "BANANA_NOT_BANANA", /an HTTP response/],
  ["a TLS hello", TLS_HELLO, "BANANA_NOT_BANANA", /a TLS hello/],
  ["an SSH greeting", latin("SSH-2.0-OpenSSH_9.2\r\n"), "BANANA_NOT_BANANA", /an SSH greeting/],
  ["bytes that are not Banana", latin("\xff\xfe"), "BANANA_UNKNOWN_TYPE", /0xff/i],
  ["a prefix that does not end", digits(65), "BANANA_PREFIX_TOO_LONG", /64/],
  ["text without end", latin("hello, is anybody there? ".repeat(10)), "BANANA_PREFIX_TOO_LONG", /64/],
  ["a word of the vocabulary", Uint8Array.of(1, 0x87), "BANANA_NO_VOCABULARY", /./],
  ["an integer", "5", "BANANA_BAD_NEGOTIATION", /received 5/],
];

const badChoice: Row[] = [
  ...noDialect,
  ["an unknown dialect", "klingon", "BANANA_NO_COMMON_DIALECT", /"klingon"/],
  ["a list", "(pb)", "BANANA_BAD_NEGOTIATION", /\(pb\)/],
  ["an empty list", "()", "BANANA_BAD_NEGOTIATION", /\(\)/],
];

const badOffer: Row[] = [
  ...noDialect,
  ["unknown dialects", "(klingon vulcan)", "BANANA_NO_COMMON_DIALECT", /klingon vulcan/],
  ["no dialect at all", "()", "BANANA_NO_COMMON_DIALECT", /\(\)/],
  ["a name instead of a list", "pb", "BANANA_BAD_NEGOTIATION", /received pb/],
];

describe.each([
  ["a server", "listener", badChoice, ["(pb none)"]],
  ["a client", "initiator", badOffer, []],
] as const)("%s that first receives", (_who, role, rows, sent) => {
  test.each(rows)("%s: closes the connection with a reason that describes it", async (_what, input, code, pattern) => {
    for (const chunkBytes of [Infinity, 1]) {
      const { broker, peer } = brokerAndUnnegotiatedPeer(role, {}, { chunkBytes });
      if (typeof input === "string") await peer.send(input);
      else await peer.sendBytes(input);
      const reason = await broker.closed;
      expectEnd(reason, "negotiation", code, pattern);
      await expect(broker.ready).rejects.toBe(reason);
      await expect(broker.getRootObject()).rejects.toBe(reason);
      expect(peer.received()).toEqual(sent);
      expect(peer.isClosed).toBe(true);
    }
  });

  test("nothing: closes the connection after the time limit", async () => {
    const { broker, peer } = brokerAndUnnegotiatedPeer(role, { limits: { negotiationMs: 20 } });
    const reason = await broker.closed;
    expectEnd(reason, "negotiation", "PROTOCOL_NEGOTIATION_TIMEOUT", /in time/);
    await expect(broker.ready).rejects.toBe(reason);
    expect(peer.isClosed).toBe(true);
  });

  test("an incomplete message: closes the connection after the time limit", async () => {
    const { broker, peer } = brokerAndUnnegotiatedPeer(role, { limits: { negotiationMs: 20 } });
    await peer.sendBytes(Uint8Array.of(2));
    expectEnd(await broker.closed, "negotiation", "PROTOCOL_NEGOTIATION_TIMEOUT", /in time/);
  });

  test("the end of the connection: rejects `ready`", async () => {
    const { broker, peer } = brokerAndUnnegotiatedPeer(role);
    await peer.close();
    const reason = role === "initiator" ? "negotiation" : "lost";
    await expect(broker.ready).rejects.toMatchObject({ reason });
    const hint = /closed the connection first, and has sent nothing: does it expect TLS/;
    if (role === "initiator") await expect(broker.ready).rejects.toThrow(hint);
  });
});

test("the negotiation has a time limit", async () => {
  const { listener } = linkPair();
  const server = new Broker(listener, { limits: { negotiationMs: 20 } });
  const { reason, cause } = await server.closed;
  expect(reason).toBe("negotiation");
  expect((cause as { code?: unknown }).code).toBe("PROTOCOL_NEGOTIATION_TIMEOUT");
});

test("the time limit of the negotiation can be infinite", async () => {
  const { peer, broker } = brokerAndUnnegotiatedPeer("listener", { limits: { negotiationMs: Infinity } });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(broker.isOpen).toBe(true);
  await peer.send("pb");
  await broker.ready;
});
