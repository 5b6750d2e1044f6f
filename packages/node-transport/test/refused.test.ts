// What the system or TLS refuses: each error has a class of ours, names the endpoint or the option and its file, and
// says what to do.

import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PerspectiveBrokerError } from "@pb/broker";
import { connect, EndpointError, explainSystemError, listen, reconnecting, SocketError } from "@pb/node-transport";
import type { ClientEndpoint, ClientTls, ServerEndpoint, ServerTls } from "@pb/node-transport";
import { Authority } from "./support/certificates.js";
import { echo, Echo, folder } from "./support/echo.js";

const authority = new Authority("refused");
const { key, cert } = authority.issue("localhost");
const begin = "-----BEGIN CERTIFICATE-----";
const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });

const place = folder();
const files = {
  "key.pem": key,
  "cert.pem": cert,
  "empty.pem": "",
  "text.pem": "no PEM",
  "cut.pem": `${begin}\nMIIB\n-----END CERTIFICATE-----\n`,
  "cut-second.pem": `${cert}${cert.slice(0, 200)}`,
  "other.pem": privateKey.export({ type: "pkcs8", format: "pem" }) as string,
  "encrypted.pem": privateKey.export({
    type: "pkcs8",
    format: "pem",
    cipher: "aes-256-cbc",
    passphrase: "x",
  }) as string,
  "readme.txt": cert,
};

beforeAll(() => {
  for (const [name, text] of Object.entries(files)) writeFileSync(place.file(name), text);
  mkdirSync(place.file("folder"));
  mkdirSync(place.file("keys"));
  writeFileSync(place.file("keys/key.pem"), key);
});
afterAll(() => place[Symbol.dispose]());

const errorOf = (attempt: Promise<unknown>): Promise<Error & { readonly code?: string }> =>
  attempt.then(
    () => expect.unreachable("It was accepted"),
    (error: unknown) => error as Error,
  );

describe("a file of TLS", () => {
  const unreadable = "TLS_OPTION_UNREADABLE";
  const noKey = "contains no private key in PEM format";
  const noCertificate = "contains no certificate in PEM format";
  const cut = "contains a certificate that cannot be read";
  const rows: [option: keyof (ClientTls & ServerTls), file: string, text: string, code?: string][] = [
    ["keyFile", "missing.pem", "cannot be read: ENOENT", unreadable],
    ["keyFile", "folder", "cannot be read: EISDIR", unreadable],
    ["keyFile", "empty.pem", noKey],
    ["keyFile", "text.pem", noKey],
    ["keyFile", "cert.pem", noKey],
    ["keyFile", "encrypted.pem", "is encrypted: decrypt it"],
    ["keyFile", "other.pem", "is not the key of the first certificate in"],
    ["certFile", "missing.pem", "cannot be read: ENOENT", unreadable],
    ["certFile", "key.pem", noCertificate],
    ["certFile", "text.pem", noCertificate],
    ["certFile", "cut.pem", cut],
    ["certFile", "cut-second.pem", cut],
    ["caDirectory", "missing.pem", "cannot be read: ENOENT", unreadable],
    ["caDirectory", "key.pem", noCertificate],
    ["caDirectory", "cut.pem", cut],
    ["caDirectory", "folder", "contains no certificate in a file whose name ends in .pem"],
    ["caDirectory", "keys", "contains no certificate in a file whose name ends in .pem"],
    ["chainFile", "missing.pem", "cannot be read: ENOENT", unreadable],
    ["chainFile", "empty.pem", noCertificate],
    ["chainFile", "cut.pem", cut],
    ["dhFile", "missing.pem", "cannot be read: ENOENT", unreadable],
    ["dhFile", "key.pem", "contains no Diffie-Hellman parameters"],
  ];

  test.for(rows)("%s %s", async ([option, file, text, code = "TLS_OPTION_INVALID"]) => {
    const path = place.file(file);
    const tls = { keyFile: place.file("key.pem"), certFile: place.file("cert.pem"), [option]: path };
    const error = await errorOf(listen("pbs://127.0.0.1:0", new Echo(), { tls }));
    expect(error).toBeInstanceOf(PerspectiveBrokerError);
    expect(error).toMatchObject({ name: "TlsOptionError", code, option });
    expect(error.message).toContain(`${JSON.stringify(path)}, the option ${option} (in an endpoint string: `);
    expect(error.message).toContain(text);
    if (option === "chainFile" || option === "dhFile") return;
    // Nothing listens there: a client reads its files before it connects.
    const same = await errorOf(connect("tls:127.0.0.1:1", { tls }));
    expect(same).toMatchObject({ name: "TlsOptionError", code, option, message: error.message });
  });

  test("is named by an endpoint without files, whose default is that of Twisted", async () => {
    for (const endpoint of ["tls:0", "ssl:0"])
      expect((await errorOf(listen(endpoint, new Echo()))).message).toMatch(
        /^"server.pem", the option keyFile .* Name your own files: ssl:8787:privateKey=key.pem:certKey=cert.pem$/,
      );
  });

  test("may have text, parameters and other keys around what is used", async () => {
    const mixed = place.file("mixed.pem");
    writeFileSync(
      mixed,
      `# both\n-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${cert}${key}`,
    );
    writeFileSync(place.file("keys/authority.pem"), authority.cert);
    const options = { tls: { keyFile: mixed, certFile: mixed } };
    await using server = await listen("pbs://127.0.0.1:0", new Echo(), options);
    const tls = { caDirectory: place.file("keys"), serverName: "localhost" };
    await using client = await connect(`tls:127.0.0.1:${server.port}`, { tls });
    expect(await echo(client, 1)).toBe(1);
  });
});

test.for<object>([
  { key: 5, cert },
  { key, cert: {} },
  { ca: 5 },
  { ca: [5] },
  { keyFile: "" },
  { keyFile: "a\0b" },
  { caDirectory: "" },
  { serverName: "" },
  { alpnProtocols: [""] }, // Node would end the process.
  { alpnProtocols: ["x".repeat(256)] },
  { alpnProtocols: [5] },
  { alpnProtocols: "pb" },
  { key },
  { cert },
  [],
])("the TLS options %o are a TypeError", async (tls) => {
  expect(await errorOf(connect("tls:127.0.0.1:1", { tls }))).toBeInstanceOf(TypeError);
  expect(await errorOf(listen("ssl:0:privateKey=k:certKey=c", new Echo(), { tls }))).toBeInstanceOf(Error);
});

test.for<[string, ServerTls]>([
  ["key", { key: "x", cert }],
  ["cert", { key, cert: "x" }],
  ["ca", { key, cert, ca: "x" }],
  ["ca", { key, cert, ca: [] }],
  ["ca", { key, cert, ca: [cert, "x"] }],
])("the option %s of %o is refused without its text", async ([option, tls]) => {
  const expected = { name: "TlsOptionError", code: "TLS_OPTION_INVALID", option };
  const error = await errorOf(connect("tls:127.0.0.1:1", { tls }));
  expect(error).toMatchObject(expected);
  expect(error.message).toMatch(`The option ${option} contains no `);
  expect(await errorOf(listen("pbs://127.0.0.1:0", new Echo(), { tls }))).toMatchObject(expected);
});

test.for<[ServerEndpoint | string, string, string]>([
  [
    "tcp:0:interface=eth99",
    "ENOTFOUND",
    'tcp:0: The interface must be an address of this machine, such as 127.0.0.1, and not "eth99"',
  ],
  [{ type: "tcp", port: 0, interface: "192.0.2.1" }, "EADDRNOTAVAIL", '"192.0.2.1" is no address of this machine'],
  [`unix:${place.file("folder")}`, "EADDRINUSE", "is a folder: add the name of the socket"],
  [`unix:${place.file("key.pem")}`, "EADDRINUSE", "exists and is not a socket"],
  [`unix:${place.file("none/pb")}`, "ENOENT", `The folder ${JSON.stringify(place.file("none"))} does not exist`],
  [`unix:${place.file("none/pb")}:lockfile=0`, "ENOENT", "does not exist"],
  [`unix:${place.file("pb/")}`, "ENOTDIR", "The path ends with a slash"],
  [`unix:${place.file("key.pem/pb")}`, "ENOTDIR", "is not a folder"],
])("listening on %o is refused with %s and advice", async ([endpoint, code, text]) => {
  const error = await errorOf(listen(endpoint, new Echo()));
  expect(error).toBeInstanceOf(SocketError);
  expect(error).toMatchObject({ name: "SocketError", code });
  expect(error.message).toContain(text);
});

test("a network card as the interface is answered with its addresses", async () => {
  const [card, addresses] = Object.entries(networkInterfaces())[0]!;
  const cause = Object.assign(new Error("not found"), { code: "ENOTFOUND", syscall: "getaddrinfo" });
  const error = await explainSystemError(cause, { action: "listen", where: "tcp:0", port: 0, host: card });
  expect(String(error)).toContain(`such as ${addresses![0]!.address}`);
});

test.for<[ClientEndpoint | string, string, string]>([
  ["tcp:127.0.0.1:1", "ECONNREFUSED", "tcp:127.0.0.1:1: No server listens there"],
  ["tcp:127.0.0.1:1:bindAddress=\\:\\:1", "EINVAL", '"::1" is no address of this machine that can be used here'],
  ["tcp:127.0.0.1:1:bindAddress=192.0.2.1", "EADDRNOTAVAIL", '"192.0.2.1" is no address of this machine'],
  [`unix:${place.file("none")}`, "ENOENT", "There is no socket: does the server run, and is the path right?"],
  [`unix:${place.file("folder")}`, "ECONNREFUSED", "This is a folder: add the name of the socket"],
  [`unix:${place.file("key.pem")}`, "ECONNREFUSED", "This is a file, not a socket"],
  [`unix:${place.file("key.pem/pb")}`, "ENOTDIR", "is not a folder"],
])("connecting to %o is refused with %s and advice", async ([endpoint, code, text]) => {
  const error = await errorOf(connect(endpoint));
  expect(error).toBeInstanceOf(SocketError);
  expect(error).toMatchObject({ code, cause: { code } });
  expect(error.message).toContain(text);
});

// What tests cannot make the system do.
test.for<[string, Parameters<typeof explainSystemError>[1], string]>([
  ["EACCES", { action: "listen", where: "tcp:1", port: 1 }, "Ports below 1024 need privileges"],
  ["EACCES", { action: "listen", where: "tcp:8787", port: 8787 }, "The system does not allow it"],
  ["EMFILE", { action: "listen", where: "tcp:0", port: 0 }, "raise LimitNOFILE= or ulimit -n"],
  ["EMFILE", { action: "connect", where: "tcp:a:1", port: 1, host: "a" }, "raise LimitNOFILE= or ulimit -n"],
  ["EADDRINUSE", { action: "listen", where: "tcp:1", port: 1 }, "port 0 for any free one"],
  ["ENOTFOUND", { action: "connect", where: "tcp:a:1", port: 1, host: "a" }, "There is no host with this name"],
  ["EAI_AGAIN", { action: "connect", where: "tcp:a:1", port: 1, host: "a" }, "no name server answered"],
  ["EACCES", { action: "connect", where: "unix:/tmp", path: "/" }, "The path ends with a slash"],
  ["EACCES", { action: "connect", where: "unix:/nowhere", path: "/nowhere" }, "This user may not connect"],
  ["EPERM", { action: "listen", where: "unix:/nowhere", path: "/nowhere" }, "may not create files in"],
])("%s of %o is explained", async ([code, attempt, text]) => {
  const cause = Object.assign(new Error(`what ${code}`), { code, syscall: attempt.action });
  const error = await explainSystemError(cause, attempt);
  expect(error).toMatchObject({ name: "SocketError", code, cause });
  expect(String(error)).toContain(`${attempt.where}: `);
  expect(String(error)).toContain(text);
});

test("what is not of the system, or is explained, stays as it is", async () => {
  for (const error of [new Error("x"), Object.assign(new Error("x"), { code: "X" }), new SocketError("X", "x"), "x"])
    expect(await explainSystemError(error, { action: "connect", where: "x" })).toBe(error);
});

test.for<ClientEndpoint | string>([
  "tcp:a b:1",
  "tcp:a/b:1",
  "tcp:host=http\\://a:1",
  "tcp:host=a\\:80:1",
  `tcp:${"x".repeat(254)}:1`,
  "tcp:a:1:bindAddress=eth0",
  "tcp:a:1:bindAddress=localhost",
  "tls:a:1:bindAddress=300.1.1.1",
  { type: "tcp", host: "[::1]", port: 1 },
  { type: "tcp", host: "a@b", port: 1 },
  { type: "tcp", host: "a", port: 1, bindAddress: "eth0" },
  { type: "tls", host: "a", port: 1, tls: { serverName: "a b" } },
])("the client endpoint %o is an EndpointError", async (endpoint) => {
  expect(await errorOf(connect(endpoint))).toBeInstanceOf(EndpointError);
  if (typeof endpoint === "string") expect(() => reconnecting(endpoint)).toThrow(EndpointError);
});

test.for<object | string>([
  "tcp:0:interface=a b",
  "tcp:0:interface=http\\://a",
  { type: "tcp", port: 0, reusePort: 1 },
  { type: "tcp", port: 0, reusePort: "yes" },
  { type: "unix", path: "/nowhere", lockfile: "no" },
  { type: "unix", path: "/nowhere", lockfile: 0 },
  { type: "unix", path: "/nowhere", timeoutMs: "x" },
  { type: "systemd", name: 5 },
  { type: "systemd", name: "" },
  { type: "systemd", name: "pb", index: 0 },
])("the server endpoint %o is an EndpointError", async (endpoint) => {
  expect(await errorOf(listen(endpoint as ServerEndpoint, new Echo()))).toBeInstanceOf(EndpointError);
});
