// TLS: certificates of servers and clients, errors, reloading and channel bindings.

import { connect as connectSocket } from "node:net";
import { createServer as createSocketServer } from "node:net";
import type { AddressInfo } from "node:net";
import { connect as connectTls } from "node:tls";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { describe, expect, test, vi } from "vitest";
import type { Broker, RootSource } from "@pb/broker";
import { Root } from "@pb/broker";
import { connect, ConnectError, listen } from "@pb/node-transport";
import type { ClientTls, ConnectOptions, ListenOptions, Server, ServerEvent, ServerTls } from "@pb/node-transport";
import { Authority, derOf } from "../support/certificates.js";
import type { CertificateOptions } from "../support/certificates.js";
import { echo, Echo, folder, until } from "../support/echo.js";

const DAY = 86_400_000;
const authority = new Authority("A test authority");
const certificate = authority.issue("localhost", { names: ["localhost", "127.0.0.1"] });
const trusting: ClientTls = { ca: authority.cert };

async function serve(tls: ServerTls = certificate, options: ListenOptions = {}): Promise<[Server, ServerEvent[]]> {
  const events: ServerEvent[] = [];
  const onEvent = (event: ServerEvent): void => void events.push(event);
  return [await listen("pbs://127.0.0.1:0", new Echo(), { ...options, tls, onEvent }), events];
}

function to(server: Server, tls: ClientTls = trusting, options: ConnectOptions = {}): Promise<Broker> {
  return connect(`pbs://127.0.0.1:${server.port}`, { ...options, tls });
}

async function rejection(attempt: Promise<unknown>): Promise<ConnectError> {
  const error: unknown = await attempt.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ConnectError);
  return error as ConnectError;
}

describe("a client", () => {
  test("accepts a server with the right name and a trusted authority", async () => {
    const [server] = await serve();
    await using connection = await to(server);
    expect(await echo(connection, "secret")).toBe("secret");
    expect(connection.peer).toMatchObject({
      isEncrypted: true,
      description: `tls:127.0.0.1:${server.port}`,
      address: "127.0.0.1",
      certificate: {
        isTrusted: true,
        name: "localhost",
        alternativeNames: ["DNS:localhost", "IP Address:127.0.0.1"],
        issuer: "A test authority",
        fingerprint: expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/),
      },
    });
    expect(Buffer.from(connection.peer.certificate!.der).equals(derOf(certificate.cert))).toBe(true);
    await server.close();
  });

  test.for<[string, string, CertificateOptions, RegExp]>([
    [
      "a certificate for another name",
      "CONNECT_TLS_WRONG_NAME",
      { names: ["example.org"] },
      /certificate is for DNS:example\.org, not for 127\.0\.0\.1/,
    ],
    [
      "a certificate that has expired",
      "CONNECT_TLS_EXPIRED",
      { names: ["127.0.0.1"], validTo: new Date(Date.now() - DAY / 2) },
      /has expired/,
    ],
    [
      "a certificate that is not valid yet",
      "CONNECT_TLS_NOT_YET_VALID",
      { names: ["127.0.0.1"], validFrom: new Date(Date.now() + DAY) },
      /not valid yet, or a clock is wrong/,
    ],
  ])("refuses a server with %s", async ([, code, options, message]) => {
    const [server] = await serve(authority.issue("some server", options));
    const error = await rejection(to(server));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(error.message).toContain(`tls:127.0.0.1:${server.port}`);
    expect(error.cause).toBeInstanceOf(Error);
    await server.close();
  });

  test.for<[string, readonly string[]]>([
    ["two names", ["a.example", "b.example"]],
    ["a name with controls", ["a\n\u001b[2K\u202eroot logged in"]],
  ])("can print why it refuses a certificate with %s", async ([, names]) => {
    const [server] = await serve(authority.issue(names, { names: [] }));
    const error = await rejection(to(server, { ...trusting, serverName: "pb.example" }));
    expect(error.code).toBe("CONNECT_TLS_WRONG_NAME");
    expect(error.message).toContain(names[0]!.slice(0, 1));
    expect(error.cause).toMatchObject({ code: "ERR_TLS_CERT_ALTNAME_INVALID", cert: { subject: {} } });
    const printed = [String(error), String(error.cause), (error.cause as Error).stack].join(" ");
    expect(printed).not.toMatch(/[^\P{Cc}\n]|\u202e|\nroot logged in/u);
    await server.close();
  });

  test.for<[string, ClientTls]>([
    ["an authority that Node does not trust", {}],
    ["an authority that is not trusted", { ca: new Authority("Another authority").cert }],
  ])("refuses a server with a certificate of %s", async ([, tls]) => {
    const [server] = await serve();
    const error = await rejection(to(server, tls));
    expect(error.code).toBe("CONNECT_TLS_UNTRUSTED");
    expect(error.message).toMatch(/no certificate of a trusted authority/);
    await server.close();
  });

  test("sends the name of the server and requires a certificate for it", async () => {
    const [server] = await serve(authority.issue("pb.example", { names: ["pb.example"] }));
    await using connection = await to(server, { ...trusting, serverName: "pb.example" });
    expect(await echo(connection, 1)).toBe(1);
    await server.close();
  });

  test("accepts any certificate with `verify: false` and reports that it is not trusted", async () => {
    const [server] = await serve();
    await using connection = await to(server, { verify: false });
    expect(connection.peer.certificate).toMatchObject({ isTrusted: false, name: "localhost" });
    expect(connection.peer.isEncrypted).toBe(false);
    await server.close();
  });

  test("rejects if the other end does not speak TLS, or not in time", async () => {
    await using plain = await listen("tcp:0:interface=127.0.0.1", new Echo());
    expect((await rejection(connect(`tls:127.0.0.1:${plain.port}`))).code).toBe("CONNECT_TLS_FAILED");
    // Reads, but does not answer. A socket that does not read stays open.
    const silent = createSocketServer((socket) => socket.on("error", () => undefined).resume()).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    expect((await rejection(connect(`tls:127.0.0.1:${port}`, { tlsMs: 50 }))).code).toBe("CONNECT_TLS_TIMEOUT");
    const reason = new Error("enough");
    const signal = AbortSignal.timeout(50);
    await expect(connect(`tls:127.0.0.1:${port}`, { signal })).rejects.toMatchObject({ name: "TimeoutError" });
    await expect(connect(`tls:127.0.0.1:${port}`, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    silent.close();
  });

  test("does not connect over plain TCP to a server that uses TLS", async () => {
    const [server, events] = await serve();
    await expect(
      connect(`tcp:127.0.0.1:${server.port}`, { broker: { limits: { negotiationMs: 200 } } }),
    ).rejects.toMatchObject({
      reason: "negotiation",
    });
    await until(() => events.length > 0, "the server reports it");
    expect(events).toMatchObject([{ kind: "probe" }]); // The client has sent nothing, and left before `tlsMs`.
    await server.close();
  });

  test("does not connect if its key is unreadable", async () => {
    const plain = createSocketServer().listen(0, "127.0.0.1");
    await once(plain, "listening");
    const { port } = plain.address() as AddressInfo;
    const accepted = vi.fn<() => void>();
    plain.on("connection", accepted);
    await expect(connect(`tls:127.0.0.1:${port}`, { tls: { key: "no key", cert: "none" } })).rejects.toThrow();
    const other = connectSocket(port, "127.0.0.1");
    await once(plain, "connection");
    expect(accepted).toHaveBeenCalledOnce();
    other.destroy();
    plain.close();
    await once(plain, "close");
  });

  test("names a missing file in the error", async () => {
    await expect(connect("tls:127.0.0.1:1:trustRoots=/no/such/folder")).rejects.toThrow(/ENOENT.*\/no\/such\/folder/);
    await expect(listen("ssl:0:privateKey=/no/key.pem", new Echo())).rejects.toThrow(/ENOENT.*\/no\/key\.pem/);
    await expect(
      listen("pbs://127.0.0.1:0", new Echo(), { tls: { key: "no key", cert: "no certificate" } }),
    ).rejects.toThrow();
  });
});

describe("files", () => {
  test("can be named in endpoint strings, as in Twisted", async () => {
    using place = folder();
    writeFileSync(place.file("key.pem"), certificate.key);
    writeFileSync(place.file("cert.pem"), certificate.cert);
    mkdirSync(place.file("ca"));
    writeFileSync(place.file("ca/authority.pem"), authority.cert);
    writeFileSync(place.file("ca/readme.txt"), "not a certificate");
    const files = `privateKey=${place.file("key.pem")}:certKey=${place.file("cert.pem")}`;
    await using server = await listen(`ssl:0:interface=127.0.0.1:${files}`, new Echo());
    await using connection = await connect(`ssl:localhost:${server.port}:caCertsDir=${place.file("ca")}`);
    expect(await echo(connection, "read")).toBe("read");
    await using other = await connect(`tls:localhost:${server.port}:trustRoots=${place.file("ca/authority.pem")}`);
    expect(await echo(other, "read")).toBe("read");
  });

  test("are read again by reloadTls, and connections stay open", async () => {
    using place = folder();
    const [keyFile, certFile] = [place.file("key.pem"), place.file("cert.pem")];
    const write = ({ key, cert }: typeof certificate): void => {
      writeFileSync(keyFile, key);
      writeFileSync(certFile, cert);
    };
    write(authority.issue("the first", { names: ["127.0.0.1"] }));
    const [server] = await serve({ keyFile, certFile });
    await using before = await to(server);
    write(authority.issue("the second", { names: ["127.0.0.1"] }));
    await using between = await to(server);
    await server.reloadTls();
    await using after = await to(server);
    expect([before, between, after].map(({ peer }) => peer.certificate!.name)).toEqual([
      "the first",
      "the first",
      "the second",
    ]);
    expect(await Promise.all([before, between, after].map((connection) => echo(connection, "alive")))).toEqual([
      "alive",
      "alive",
      "alive",
    ]);
    writeFileSync(certFile, "broken");
    await expect(server.reloadTls()).rejects.toThrow();
    await using still = await to(server);
    expect(still.peer.certificate!.name).toBe("the second");
    await server.reloadTls(authority.issue("the third", { names: ["127.0.0.1"] }));
    await using last = await to(server);
    expect(last.peer.certificate!.name).toBe("the third");
    await server.close();
  });

  test("are replaced together with all other options", async () => {
    const [server] = await serve();
    const agreedOn = async (): Promise<unknown> => {
      const options = { host: "127.0.0.1", port: server.port, ca: authority.cert, ALPNProtocols: ["pb"] };
      const socket = connectTls(options).on("error", () => undefined);
      await once(socket, "secureConnect");
      socket.destroy();
      return socket.alpnProtocol;
    };
    expect(await agreedOn()).toBe(false);
    await server.reloadTls({ ...certificate, alpnProtocols: ["pb"] });
    expect(await agreedOn()).toBe("pb");
    await server.close();
  });

  test("reloadTls rejects without TLS", async () => {
    await using server = await listen("tcp:0:interface=127.0.0.1", new Echo());
    await expect(server.reloadTls()).rejects.toThrow(TypeError);
  });
});

describe("a client's certificate", () => {
  const alice = authority.issue("alice");
  const clients = new Authority("An authority for clients");

  test("is available to the objects of the server", async () => {
    class WhoAmI extends Root {
      constructor(readonly name: string | undefined) {
        super();
      }
      remote_who(): string | undefined {
        return this.name;
      }
    }
    const root: RootSource = { rootObject: ({ peer }) => new WhoAmI(peer.certificate?.name) };
    const tls: ServerTls = { ...certificate, ca: authority.cert };
    await using server = await listen("pbs://127.0.0.1:0", root, { tls });
    await using connection = await to(server, { ...trusting, ...alice });
    expect(await (await connection.getRootObject<WhoAmI>()).callRemote("who")).toBe("alice");
    expect([...server.connections][0]!.peer.certificate).toMatchObject({ isTrusted: true, name: "alice" });
  });

  test("is required if the server has authorities for clients, and both ends report why it failed", async () => {
    const [server, events] = await serve({ ...certificate, ca: clients.cert });
    expect((await rejection(to(server))).code).toBe("CONNECT_TLS_REFUSED");
    // A certificate of another authority: Node closes the connection without an alert.
    await expect(to(server, { ...trusting, ...alice })).rejects.toThrow();
    await until(() => events.length === 2, "both failures are reported");
    expect(events).toMatchObject([
      {
        kind: "failed",
        error: { code: "CONNECT_TLS_UNTRUSTED", message: expect.stringContaining("did not return a certificate") },
      },
      { kind: "failed", error: { code: "CONNECT_TLS_UNTRUSTED" } },
    ]);
    await using connection = await to(server, { ...trusting, ...clients.issue("bob") });
    expect(await echo(connection, "in")).toBe("in");
    await server.close();
  });

  test("is required after a reload that asks for it, until the next reload", async () => {
    const [server] = await serve();
    await using anonymous = await to(server);
    await server.reloadTls({ ...certificate, ca: clients.cert });
    expect((await rejection(to(server))).code).toBe("CONNECT_TLS_REFUSED");
    await using bob = await to(server, { ...trusting, ...clients.issue("bob") });
    await server.reloadTls(certificate);
    await using last = await to(server);
    expect(await Promise.all([anonymous, bob, last].map((connection) => echo(connection, "in")))).toEqual([
      "in",
      "in",
      "in",
    ]);
    await server.close();
  });

  test("can be optional, and then the server sees whether it is trusted", async () => {
    const [server] = await serve({ ...certificate, ca: clients.cert, clientCertificates: "optional" });
    await using anonymous = await to(server);
    await echo(anonymous, 1);
    expect([...server.connections].map(({ peer }) => peer.certificate)).toEqual([undefined]);
    await anonymous.close();
    await until(() => server.connections.size === 0, "the connection is closed");
    await using connection = await to(server, { ...trusting, ...alice });
    await echo(connection, 1);
    expect([...server.connections][0]!.peer.certificate).toMatchObject({ isTrusted: false, name: "alice" });
    await server.close();
  });
});

describe("a channel binding", () => {
  test.for(["tls-exporter", "tls-server-end-point"] as const)("of type %s is the same at both ends", async (type) => {
    const [server] = await serve();
    await using one = await to(server);
    await using other = await to(server);
    const [here, there] = [one, [...server.connections][0]!].map(({ peer }) => peer.channelBinding!(type)!);
    expect(here).toHaveLength(32);
    expect(here).toEqual(there);
    const another = other.peer.channelBinding!(type);
    if (type === "tls-exporter") expect(another).not.toEqual(here);
    else expect(another).toEqual(here);
    await server.close();
  });
});

test("reports a TLS stream that is closed already", async () => {
  const [server, events] = await serve();
  const socket = connectTls({ host: "127.0.0.1", port: server.port, ca: authority.cert }).on("error", () => undefined);
  await once(socket, "secureConnect");
  await once(socket.destroy(), "close");
  await expect(connect(socket)).rejects.toMatchObject({ code: "CONNECTION_LOST", reason: "lost" });
  server.accept(socket);
  await until(() => events.some((event) => event.kind === "probe" && event.peer.startsWith("tls:")), "it is reported");
  await server.close();
});

test("closes at once while clients have sent nothing, or a part of their first message", async () => {
  // So long that only the server can end the wait: no timer may be left behind either.
  const [server, events] = await serve(certificate, { limits: { tlsMs: 3_600_000, negotiating: 3 } });
  const sockets = await Promise.all(
    ["", "\x16", "\x16\x03\x01"].map(async (first) => {
      const socket = connectSocket(server.port, "127.0.0.1").on("error", () => undefined);
      await once(socket.resume(), "connect");
      socket.write(Buffer.from(first, "latin1"));
      return socket;
    }),
  );
  await once(connectSocket(server.port, "127.0.0.1").resume(), "close"); // refused, because there are three
  expect(events).toMatchObject([{ kind: "refused", limit: "negotiating" }]);
  const closed = sockets.map((socket) => once(socket, "close"));
  await server.close();
  await Promise.all(closed);
});

test("counts unfinished handshakes as negotiating, until they end", async () => {
  const [server, events] = await serve(certificate, { limits: { tlsMs: 3_600_000, negotiating: 1 } });
  const silent = connectSocket(server.port, "127.0.0.1");
  await once(silent, "connect");
  await once(connectSocket(server.port, "127.0.0.1").resume(), "close");
  expect(events).toMatchObject([{ kind: "refused", limit: "negotiating" }]);
  silent.destroy();
  await until(() => events.length === 2, "the end of the handshake is reported");
  await using connection = await to(server);
  expect(await echo(connection, "now")).toBe("now");
  await server.close();
});

test("ends unfinished handshakes after their time, and makes room for others", async () => {
  const [server, events] = await serve(certificate, { limits: { tlsMs: 20, negotiating: 1 } });
  for (let round = 0; round < 2; round++) {
    const silent = connectSocket(server.port, "127.0.0.1").resume();
    await once(silent, "close");
  }
  await until(() => events.length === 2, "both are reported");
  const timeout = { kind: "failed", error: { code: "CONNECT_TLS_TIMEOUT" } };
  expect(events).toMatchObject([timeout, timeout]);
  await server.close();
});
