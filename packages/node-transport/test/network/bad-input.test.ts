// Bytes at a TCP port that are not Perspective Broker, or violate it: only that connection ends, and its reason says
// what was received.

import { once } from "node:events";
import { get } from "node:http";
import { connect as connectSocket, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { decode, encode, inspect } from "@pb/banana";
import type { Expression } from "@pb/banana";
import { Root } from "@pb/broker";
import type { Broker, ConnectionLostError, RemoteReference } from "@pb/broker";
import { connect, listen } from "@pb/node-transport";
import type { Server } from "@pb/node-transport";

class Echo extends Root {
  remote_echo<T>(value: T): T {
    return value;
  }

  remote_never(): Promise<void> {
    return new Promise(() => undefined);
  }
}

const utf8 = new TextEncoder();
const word = (text: string): Uint8Array => utf8.encode(text);
const pb = (...expressions: Expression[]): Uint8Array =>
  Buffer.concat(expressions.map((expression) => encode(expression, { dialect: "pb" })));
/** The first bytes of a Twisted client. */
const opening = pb(word("pb"), [word("version"), 6]);
const call = (id: number, value: Expression): Expression => [
  word("message"),
  id,
  word("root"),
  word("echo"),
  1,
  [word("tuple"), value],
  [word("dictionary")],
];

let server: Server;
let reasons: ConnectionLostError[];
let client: Broker;
let root: RemoteReference<Echo>;

beforeEach(async () => {
  reasons = [];
  server = await listen("tcp:0:interface=127.0.0.1", new Echo(), {
    broker: { onEvent: (event) => event.kind === "closed" && reasons.push(event.reason) },
  });
  client = await connect(`tcp:127.0.0.1:${server.port}`);
  root = await client.getRootObject<Echo>();
});

afterEach(async () => {
  await client.close();
  await server.close();
});

/** Sends bytes and resolves with everything the server sent until it closed the connection. */
async function exchange(...pieces: Uint8Array[]): Promise<Buffer> {
  const socket = connectSocket({ host: "127.0.0.1", port: server.port });
  const received: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => received.push(chunk)).on("error", () => undefined);
  await once(socket, "connect");
  for (const piece of pieces) socket.write(piece);
  await once(socket, "close");
  return Buffer.concat(received);
}

/** The reason for which the server ended the connection. Checks that another connection still works. */
async function closeReason(): Promise<ConnectionLostError> {
  await expect.poll(() => reasons.length).toBe(1);
  expect(await root.callRemote("echo", "still here")).toBe("still here");
  await expect.poll(() => server.connections.size).toBe(1);
  return reasons[0]!;
}

type Row = readonly [what: string, bytes: Uint8Array, code: string, message: RegExp];

const notBroker: Row[] = [
  ["garbage", Uint8Array.of(0xff, 0xfe, 0xfd), "BANANA_UNKNOWN_TYPE", /0xff/i],
  ["an HTTP request", word("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), "BANANA_NOT_BANANA", /an HTTP request/],
  ["a TLS hello", Buffer.from("16030100c8010000c40303", "hex"), "BANANA_NOT_BANANA", /a TLS hello/],
  ["a never-ending prefix", new Uint8Array(65), "BANANA_PREFIX_TOO_LONG", /64/],
  ["a string without end", word("x".repeat(100_000)), "BANANA_PREFIX_TOO_LONG", /64/],
  ["an unknown dialect", pb(word("klingon")), "BANANA_NO_COMMON_DIALECT", /"klingon"/],
];

const violations: Row[] = [
  ["an empty list", pb([]), "PROTOCOL_BAD_EXPRESSION", /begins with a command/],
  ["a message with missing elements", pb([word("message"), 1]), "PROTOCOL_BAD_EXPRESSION", /6 arguments, not 1/],
  ["an unknown command", pb([word("frobnicate")]), "PROTOCOL_UNKNOWN_COMMAND", /"frobnicate"/],
  ["an answer to no question", pb([word("answer"), 7, 1]), "PROTOCOL_UNKNOWN_REQUEST", /7/],
  ["a bare integer", pb(5), "PROTOCOL_BAD_EXPRESSION", /received 5/],
  ["another version", pb([word("version"), 7]), "PROTOCOL_VERSION", /version 7/],
  ["garbage", Uint8Array.of(0xff), "BANANA_UNKNOWN_TYPE", /0xff/i],
  ["a never-ending prefix", new Uint8Array(65), "BANANA_PREFIX_TOO_LONG", /64/],
];

describe("a server", () => {
  test.each(notBroker)(
    "reports %s before the negotiation and serves other clients",
    async (_what, bytes, code, message) => {
      expect(inspect(decode(await exchange(bytes)))).toBe("(pb none)");
      const reason = await closeReason();
      expect(reason).toMatchObject({ reason: "negotiation", cause: { code } });
      expect(reason.message).toMatch(message);
    },
  );

  test.each(violations)(
    "reports %s after the negotiation and serves other clients",
    async (_what, bytes, code, message) => {
      await exchange(opening, bytes);
      const reason = await closeReason();
      expect(reason).toMatchObject({ reason: "protocol", cause: { code } });
      expect(reason.message).toMatch(message);
    },
  );

  test("reports an HTTP request", async () => {
    const request = get({ host: "127.0.0.1", port: server.port });
    await expect(once(request, "response")).rejects.toMatchObject({ code: "HPE_INVALID_CONSTANT" });
    expect((await closeReason()).message).toMatch(/an HTTP request/);
  });

  test("reports a TLS handshake", async () => {
    const socket = connectTls({ host: "127.0.0.1", port: server.port });
    await expect(once(socket, "secureConnect")).rejects.toThrow();
    expect((await closeReason()).message).toMatch(/a TLS hello/);
  });

  test("answers the calls before the invalid message", async () => {
    const received = await exchange(opening, pb(call(1, 42), [word("frobnicate")]));
    const answer = pb([word("answer"), 1, 42]);
    expect(received.subarray(-answer.length)).toEqual(Buffer.from(answer));
    await closeReason();
  });

  test("closes a connection that sends nothing", async () => {
    const other = await listen("tcp:0:interface=127.0.0.1", new Echo(), {
      broker: { limits: { negotiationMs: 50 } },
    });
    const socket = connectSocket({ host: "127.0.0.1", port: other.port });
    socket.resume();
    await once(socket, "close");
    await expect.poll(() => other.connections.size).toBe(0);
    await other.close();
  });

  test("closes a hundred invalid connections at the same time", async () => {
    const exchanges = Array.from({ length: 100 }, (_, index) => {
      const [, bytes] = notBroker[index % notBroker.length]!;
      return exchange(bytes);
    });
    expect(await root.callRemote("echo", "meanwhile")).toBe("meanwhile");
    await Promise.all(exchanges);
    await expect.poll(() => reasons.length).toBe(100);
    expect(new Set(reasons.map(({ reason }) => reason))).toEqual(new Set(["negotiation"]));
    expect(await root.callRemote("echo", "after")).toBe("after");
  });
});

describe("a client", () => {
  /** A server that sends these bytes to each connection. */
  async function fakeServer(bytes: Uint8Array, onData: (chunk: Buffer, socket: Socket) => void = () => undefined) {
    const server = createServer((socket) => {
      socket.on("error", () => undefined).on("data", (chunk: Buffer) => onData(chunk, socket));
      socket.write(bytes);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    return { endpoint: `tcp:127.0.0.1:${port}`, [Symbol.dispose]: () => void server.close() };
  }

  const openings: Row[] = [
    ["an HTTP answer", word("HTTP/1.1 400 Bad Request\r\n\r\n"), "BANANA_NOT_BANANA", /an HTTP response/],
    ["an SSH greeting", word("SSH-2.0-OpenSSH_9.2\r\n"), "BANANA_NOT_BANANA", /an SSH greeting/],
    ["a TLS alert", Buffer.from("15030100020246", "hex"), "BANANA_NOT_BANANA", /a TLS alert/],
    ["garbage", Uint8Array.of(0xff, 0xff), "BANANA_UNKNOWN_TYPE", /0xff/i],
    ["unknown dialects", pb([word("klingon")]), "BANANA_NO_COMMON_DIALECT", /klingon/],
  ];

  test.each(openings)("rejects if the server sends %s", async (_what, bytes, code, message) => {
    using server = await fakeServer(bytes);
    const connecting = connect(server.endpoint);
    await expect(connecting).rejects.toMatchObject({ reason: "negotiation", cause: { code } });
    await expect(connecting).rejects.toThrow(message);
  });

  test("rejects its pending calls when the server violates the protocol", async () => {
    using server = await fakeServer(pb([word("pb")], [word("version"), 6]), (chunk, socket) => {
      if (chunk.includes("never")) socket.write(pb(5));
    });
    const connection = await connect(server.endpoint);
    const reference = await connection.getRootObject<Echo>();
    await expect(reference.callRemote("never")).rejects.toMatchObject({ reason: "protocol" });
    expect((await connection.closed).message).toMatch(/received 5/);
  });
});
