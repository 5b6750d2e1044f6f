// Strangers at a TCP port: each loses its own connection, for a reason that says what came, and the server goes on serving.

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
/** What a client of Twisted says first. */
const greeting = pb(word("pb"), [word("version"), 6]);
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
let friend: Broker;
let root: RemoteReference<Echo>;

beforeEach(async () => {
  reasons = [];
  server = await listen("tcp:0:interface=127.0.0.1", new Echo(), {
    broker: { onEvent: (event) => event.kind === "closed" && reasons.push(event.reason) },
  });
  friend = await connect(`tcp:127.0.0.1:${server.port}`);
  root = await friend.getRootObject<Echo>();
});

afterEach(async () => {
  await friend.close();
  await server.close();
});

/** Sends bytes and resolves with everything the server said before it hung up. */
async function visit(...pieces: Uint8Array[]): Promise<Buffer> {
  const socket = connectSocket({ host: "127.0.0.1", port: server.port });
  const heard: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => heard.push(chunk)).on("error", () => undefined);
  await once(socket, "connect");
  for (const piece of pieces) socket.write(piece);
  await once(socket, "close");
  return Buffer.concat(heard);
}

/** Why the server ended the stranger's connection, after a call of somebody else still works. */
async function verdict(): Promise<ConnectionLostError> {
  await expect.poll(() => reasons.length).toBe(1);
  expect(await root.callRemote("echo", "still here")).toBe("still here");
  await expect.poll(() => server.connections.size).toBe(1);
  return reasons[0]!;
}

type Row = readonly [what: string, bytes: Uint8Array, code: string, says: RegExp];

const strangers: Row[] = [
  ["garbage", Uint8Array.of(0xff, 0xfe, 0xfd), "BANANA_UNKNOWN_TYPE", /0xff/i],
  ["an HTTP request", word("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), "BANANA_NOT_BANANA", /an HTTP request/],
  ["a TLS hello", Buffer.from("16030100c8010000c40303", "hex"), "BANANA_NOT_BANANA", /a TLS hello/],
  ["a never-ending prefix", new Uint8Array(65), "BANANA_PREFIX_TOO_LONG", /64/],
  ["a string without end", word("x".repeat(100_000)), "BANANA_PREFIX_TOO_LONG", /64/],
  ["an unknown dialect", pb(word("klingon")), "BANANA_NO_COMMON_DIALECT", /"klingon"/],
];

const offenders: Row[] = [
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
  test.each(strangers)("to whom somebody sends %s says so, and serves the others", async (_what, bytes, code, says) => {
    expect(inspect(decode(await visit(bytes)))).toBe("(pb none)");
    const reason = await verdict();
    expect(reason).toMatchObject({ reason: "negotiation", cause: { code } });
    expect(reason.message).toMatch(says);
  });

  test.each(offenders)("whose client sends %s says so, and serves the others", async (_what, bytes, code, says) => {
    await visit(greeting, bytes);
    const reason = await verdict();
    expect(reason).toMatchObject({ reason: "protocol", cause: { code } });
    expect(reason.message).toMatch(says);
  });

  test("says what a browser was: it gets the offer of dialects, and the end", async () => {
    const request = get({ host: "127.0.0.1", port: server.port });
    await expect(once(request, "response")).rejects.toMatchObject({ code: "HPE_INVALID_CONSTANT" });
    expect((await verdict()).message).toMatch(/an HTTP request/);
  });

  test("says what a TLS client was", async () => {
    const socket = connectTls({ host: "127.0.0.1", port: server.port });
    await expect(once(socket, "secureConnect")).rejects.toThrow();
    expect((await verdict()).message).toMatch(/a TLS hello/);
  });

  test("answers what was asked in front of the bad message", async () => {
    const heard = await visit(greeting, pb(call(1, 42), [word("frobnicate")]));
    const answer = pb([word("answer"), 1, 42]);
    expect(heard.subarray(-answer.length)).toEqual(Buffer.from(answer));
    await verdict();
  });

  test("does not wait for ever for somebody who says nothing", async () => {
    const patient = await listen("tcp:0:interface=127.0.0.1", new Echo(), {
      broker: { limits: { negotiationMs: 50 } },
    });
    const socket = connectSocket({ host: "127.0.0.1", port: patient.port });
    socket.resume();
    await once(socket, "close");
    await expect.poll(() => patient.connections.size).toBe(0);
    await patient.close();
  });

  test("bears a hundred strangers at a time", async () => {
    const visits = Array.from({ length: 100 }, (_, index) => {
      const [, bytes] = strangers[index % strangers.length]!;
      return visit(bytes);
    });
    expect(await root.callRemote("echo", "meanwhile")).toBe("meanwhile");
    await Promise.all(visits);
    await expect.poll(() => reasons.length).toBe(100);
    expect(new Set(reasons.map(({ reason }) => reason))).toEqual(new Set(["negotiation"]));
    expect(await root.callRemote("echo", "after")).toBe("after");
  });
});

describe("a client", () => {
  /** Listens for one connection and greets it with these bytes. */
  async function impostor(bytes: Uint8Array, hear: (chunk: Buffer, socket: Socket) => void = () => undefined) {
    const impostor = createServer((socket) => {
      socket.on("error", () => undefined).on("data", (chunk: Buffer) => hear(chunk, socket));
      socket.write(bytes);
    });
    impostor.listen(0, "127.0.0.1");
    await once(impostor, "listening");
    const { port } = impostor.address() as AddressInfo;
    return { endpoint: `tcp:127.0.0.1:${port}`, [Symbol.dispose]: () => void impostor.close() };
  }

  const greetings: Row[] = [
    ["an HTTP answer", word("HTTP/1.1 400 Bad Request\r\n\r\n"), "BANANA_NOT_BANANA", /an HTTP response/],
    ["an SSH greeting", word("SSH-2.0-OpenSSH_9.2\r\n"), "BANANA_NOT_BANANA", /an SSH greeting/],
    ["a TLS alert", Buffer.from("15030100020246", "hex"), "BANANA_NOT_BANANA", /a TLS alert/],
    ["garbage", Uint8Array.of(0xff, 0xff), "BANANA_UNKNOWN_TYPE", /0xff/i],
    ["unknown dialects", pb([word("klingon")]), "BANANA_NO_COMMON_DIALECT", /klingon/],
  ];

  test.each(greetings)("that is greeted with %s rejects, and says so", async (_what, bytes, code, says) => {
    using server = await impostor(bytes);
    const connecting = connect(server.endpoint);
    await expect(connecting).rejects.toMatchObject({ reason: "negotiation", cause: { code } });
    await expect(connecting).rejects.toThrow(says);
  });

  test("whose server turns bad rejects its pending calls with the reason", async () => {
    using server = await impostor(pb([word("pb")], [word("version"), 6]), (chunk, socket) => {
      if (chunk.includes("never")) socket.write(pb(5));
    });
    const connection = await connect(server.endpoint);
    const reference = await connection.getRootObject<Echo>();
    await expect(reference.callRemote("never")).rejects.toMatchObject({ reason: "protocol" });
    expect((await connection.closed).message).toMatch(/received 5/);
  });
});
