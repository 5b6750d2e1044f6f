// Endpoint strings, URLs and objects: their meaning and the errors for invalid ones.

import { describe, expect, test } from "vitest";
import { connect, EndpointError, listen, parseClientEndpoint, parseServerEndpoint } from "@pb/node-transport";
import { Echo } from "../support/echo.js";

/** Removes members that are undefined. */
function plain(endpoint: object): unknown {
  return JSON.parse(JSON.stringify(endpoint));
}

describe("a client endpoint", () => {
  test.for<[string, object]>([
    ["tcp:example.org:8787", { type: "tcp", host: "example.org", port: 8787 }],
    ["tcp:host=example.org:port=8787", { type: "tcp", host: "example.org", port: 8787 }],
    ["tcp:host=example.org:8787", { type: "tcp", host: "example.org", port: 8787 }],
    ["tcp:port=1:example.org:timeout=5", { type: "tcp", host: "example.org", port: 1, timeoutMs: 5000 }],
    ["tcp:host=\\:\\:1:port=8787", { type: "tcp", host: "::1", port: 8787 }],
    ["tcp:a:1:bindAddress=10.0.0.1", { type: "tcp", host: "a", port: 1, bindAddress: "10.0.0.1" }],
    [
      "ssl:a:1:privateKey=k.pem:certKey=c.pem:caCertsDir=/ca",
      { type: "tls", host: "a", port: 1, tls: { keyFile: "k.pem", certFile: "c.pem", caDirectory: "/ca" } },
    ],
    [
      "tls:a:1:certificate=c.pem:privateKey=k.pem:trustRoots=/ca",
      { type: "tls", host: "a", port: 1, tls: { keyFile: "k.pem", certFile: "c.pem", caDirectory: "/ca" } },
    ],
    [
      "ssl:a:1:privateKey=both.pem:hostname=b",
      { type: "tls", host: "a", port: 1, tls: { keyFile: "both.pem", certFile: "both.pem", serverName: "b" } },
    ],
    [
      "tls:a:1:endpoint=unix\\:/run/pb",
      { type: "tls", host: "a", port: 1, tls: {}, over: { type: "unix", path: "/run/pb" } },
    ],
    ["unix:/run/pb.sock", { type: "unix", path: "/run/pb.sock" }],
    ["unix:path=/run/a\\:b=c:timeout=9:lockfile=1", { type: "unix", path: "/run/a:b=c", timeoutMs: 9000 }],
    ["pb://example.org", { type: "tcp", host: "example.org", port: 8787 }],
    ["pb://[::1]:1/", { type: "tcp", host: "::1", port: 1 }],
    ["pbs://example.org:99", { type: "tls", host: "example.org", port: 99 }],
    ["pb+unix:/run/a%20b", { type: "unix", path: "/run/a b" }],
    ["pb+unix:///run/pb", { type: "unix", path: "/run/pb" }],
  ])("%s", ([text, endpoint]) => expect(plain(parseClientEndpoint(text))).toEqual(endpoint));

  test.for<[string, string]>([
    ["localhost:8787", 'type "localhost": expected "tcp", "tls", "ssl", "unix", pb://, pbs://, pb+unix:'],
    ["", 'type "": expected "tcp", "tls", "ssl", "unix", pb://, pbs://, pb+unix:'],
    ["tcp:a", "port: missing"],
    ["tcp:port=1", "host: missing"],
    ["tcp:a:0", 'port "0": expected an integer from 1 to 65535'],
    ["tcp:a:http", 'port "http": expected an integer from 1 to 65535'],
    ["tcp:a:1:2", '"2": expected name=value, with one of host, port, timeout, bindAddress'],
    ["tcp:a:1:port=2", '"1": expected name=value, with one of host, port, timeout, bindAddress'],
    ["tcp:port=1:port=2:a", "port: given twice"],
    ["tcp:a:1:timeout=soon", 'timeout "soon": expected an integer from 1 to 86400'],
    ["tcp:a:1:nodelay=1", "nodelay: expected one of host, port, timeout, bindAddress"],
    ["tcp:a:1\\", "trailing backslash: expected a character after it"],
    ["ssl:a:1:certKey=c:certificate=d", "certKey and certificate: expected only one of them"],
    ["tls:a:1:endpoint=tls\\:b\\:2", "endpoint: expected tcp: or unix:"],
    ["unix:", "path: missing"],
    [
      `unix:/${"x".repeat(200)}`,
      `path: expected at most ${process.platform === "linux" ? 107 : 103} bytes, the limit of the system`,
    ],
    ["http://a:1", 'scheme "http": expected pb, pbs or pb+unix'],
    ["pb://a:99999", "the URL: expected pb://host:port, pbs://host:port or pb+unix:/path"],
    ["pb:a:1", "scheme: expected pb://host:port. Did you mean pb://a:1?"],
    ["pb://", "host: missing"],
    ["pb://a:0", "port 0: expected an integer from 1 to 65535"],
    ["pb://a/root", 'path "/root": expected none: use getObject(name) to get an object'],
    ["pb://a?x=1", "query: expected none"],
    ["pb://user:pw@a", "user name: expected none: log in with @pb/cred (Foolscap URLs are not supported)"],
    ["pb+unix://a/b", 'host "a": expected none: pb+unix:/path'],
    ["pb+unix:b", "path: expected the absolute path of a socket"],
  ])("rejects %s", ([text, message]) => {
    expect(() => parseClientEndpoint(text)).toThrow(EndpointError);
    expect(() => parseClientEndpoint(text)).toThrow(`${JSON.stringify(text)}: ${message}`);
  });
});

describe("a server endpoint", () => {
  test.for<[string, object]>([
    ["tcp:8787", { type: "tcp", port: 8787 }],
    ["tcp:0:interface=127.0.0.1", { type: "tcp", port: 0, interface: "127.0.0.1" }],
    ["tcp:interface=127.0.0.1:8787", { type: "tcp", port: 8787, interface: "127.0.0.1" }],
    ["tcp:port=80:interface=\\:\\:1:backlog=5", { type: "tcp", port: 80, interface: "::1", backlog: 5 }],
    ["tcp6:80", { type: "tcp", port: 80, interface: "::" }],
    ["ssl:443", { type: "tls", port: 443, tls: { keyFile: "server.pem", certFile: "server.pem" } }],
    [
      "ssl:443:privateKey=k:certKey=c:extraCertChain=x:dhParameters=d:caCertsDir=/ca",
      { type: "tls", port: 443, tls: { keyFile: "k", certFile: "c", chainFile: "x", dhFile: "d", caDirectory: "/ca" } },
    ],
    [
      "unix:/run/pb:mode=600:lockfile=0:backlog=5",
      { type: "unix", path: "/run/pb", mode: 0o600, lockfile: false, backlog: 5 },
    ],
    ["unix:address=/run/pb", { type: "unix", path: "/run/pb" }],
    ["systemd:domain=INET:index=1", { type: "systemd", index: 1 }],
    ["systemd:UNIX:name=pb", { type: "systemd", name: "pb" }],
    ["haproxy:tcp:port=8787:interface=\\:\\:1", { type: "tcp", port: 8787, interface: "::1", proxied: true }],
    ["haproxy:unix:/run/pb.sock:mode=600", { type: "unix", path: "/run/pb.sock", mode: 0o600, proxied: true }],
    ["haproxy:pb://*:8787", { type: "tcp", port: 8787, proxied: true }],
    ["pb://127.0.0.1:0", { type: "tcp", port: 0, interface: "127.0.0.1" }],
    ["pb://*", { type: "tcp", port: 8787 }],
    ["pbs://[::]:1", { type: "tls", port: 1, interface: "::" }],
    ["pb+unix:/run/pb", { type: "unix", path: "/run/pb" }],
  ])("%s", ([text, endpoint]) => expect(plain(parseServerEndpoint(text))).toEqual(endpoint));

  test.for<[string, string]>([
    ["udp:1", 'type "udp": expected "tcp", "tls", "ssl", "unix", "systemd", "fd", "haproxy", pb://, pbs://, pb+unix:'],
    ["tcp:", "port: missing"],
    ["tcp:65536", 'port "65536": expected an integer from 0 to 65535'],
    ["tcp:1:host=a", "host: expected one of port, interface, backlog"],
    [
      "ssl:1:sslmethod=TLSv1_METHOD",
      "sslmethod: expected one of port, interface, backlog, reusePort, privateKey, certKey, extraCertChain, dhParameters, caCertsDir",
    ],
    ["unix:/run/pb:mode=999", 'mode "999": expected an octal mode such as 660'],
    ["unix:/run/pb:lockfile=yes", 'lockfile "yes": expected an integer from 0 to 1'],
    ["systemd:domain=INET", "index, name: expected exactly one of them"],
    ["systemd:domain=IPX:index=0", 'domain "IPX": expected one of INET, INET6, UNIX'],
  ])("rejects %s", ([text, message]) => {
    expect(() => parseServerEndpoint(text)).toThrow(`${JSON.stringify(text)}: ${message}`);
  });
});

describe("advice", () => {
  test.for<[string, string]>([
    ["fd:3", "One can only listen at fd:"],
    ["systemd:index=0", "One can only listen at systemd:"],
    ["haproxy:tcp:80", "One can only listen at haproxy:"],
    ["ws://localhost", "WebSockets are in @pb/web-transport"],
  ])("%s is no endpoint of a client", ([text, message]) => {
    expect(() => parseClientEndpoint(text)).toThrow(message);
  });

  test.for<[string, string]>([
    ["localhost:1234", "tcp:localhost:1234"],
    ["localhost", "tcp:localhost:8787"],
    ["127.0.0.1:80", "tcp:127.0.0.1:80"],
    ["example.org", "tcp:example.org:8787"],
    ["[::1]:80", "pb://[::1]:80"],
    ["::1", "pb://[::1]:8787"],
    ["1234", "tcp:localhost:1234"],
    ["tpc:localhost:1234", "tcp:localhost:1234"],
    ["TCP:localhost:1234", "tcp:localhost:1234"],
    ["tcps:localhost:1234", "tls:localhost:1234"],
    ["uinx:/run/pb.sock", "unix:/run/pb.sock"],
    ["/run/pb.sock", "unix:/run/pb.sock"],
    ["./pb.sock", "unix:./pb.sock"],
    ["pb.sock", "unix:pb.sock"],
    ["tcp://localhost:1", "pb://localhost:1"],
    ["tcp//localhost:1", "pb://localhost:1"],
    ["tls://localhost", "pbs://localhost"],
    ["unix:///run/pb.sock", "pb+unix:/run/pb.sock"],
    ["pbx://localhost", "pb://localhost"],
    ["pbs:localhost:1", "pbs://localhost:1"],
    ["tcp:a:1:timout=5", "timeout"],
  ])("a client that is given %s", ([text, meant]) => {
    expect(() => parseClientEndpoint(text)).toThrow(`Did you mean ${meant}?`);
    expect(() => parseClientEndpoint(text)).toThrow(EndpointError);
  });

  test.for<[string, string]>([
    ["8787", "tcp:8787"],
    [":8787", "tcp:8787"],
    ["*:8787", "tcp:8787"],
    ["localhost:1234", "tcp:1234:interface=localhost"],
    ["0.0.0.0:1234", "tcp:1234:interface=0.0.0.0"],
    ["tcp:127.0.0.1:8787", "tcp:8787:interface=127.0.0.1"],
    ["ssl:localhost:443", "ssl:443:interface=localhost"],
    ["tpc:1234", "tcp:1234"],
    ["sytemd:index=0", "systemd:index=0"],
    ["hapoxy:tcp:1", "haproxy:tcp:1"],
    ["/run/pb.sock", "unix:/run/pb.sock"],
    ["tcp:1:interace=::1", "interface"],
  ])("a server that is given %s", ([text, meant]) => {
    expect(() => parseServerEndpoint(text)).toThrow(`Did you mean ${meant}?`);
  });

  test.for(["http://localhost:1", "ws://localhost", "udp:1:2", "", "a b c", "x".repeat(10_000)])(
    "is not given for %s",
    (text) => expect(() => parseClientEndpoint(text)).toThrow(/^(?![^]*Did you mean)/),
  );

  test.for(["tcp:[::1]:80", "tcp:::1:80", "tls:fe80::1:80", "ssl:[::1]:80"])(
    "%s is an address without backslashes",
    (text) => {
      expect(() => parseClientEndpoint(text)).toThrow(
        /expected a backslash before each colon of the address, or pbs?:/,
      );
    },
  );
});

test.for([null, undefined, 5, NaN, true, {}, [], { port: 1 }, { type: "tpc", port: 1 }, new URL("pb://localhost")])(
  "%o is no endpoint",
  async (endpoint) => {
    await expect(connect(endpoint as never)).rejects.toMatchObject({ code: "ENDPOINT_INVALID" });
    await expect(listen(endpoint as never, new Echo())).rejects.toMatchObject({ code: "ENDPOINT_INVALID" });
  },
);

test("an unknown member of an endpoint object is refused with the name that was meant", async () => {
  const client = { type: "tcp", host: "a", port: 1, timeoutMS: 5 } as never;
  await expect(connect(client)).rejects.toThrow("timeoutMS: did you mean timeoutMs?");
  await expect(connect({ type: "tls", host: "a", port: 1, tls: { caFile: "x" } } as never)).rejects.toThrow("caFile");
  await expect(listen({ type: "tcp", port: 0, host: "::1" } as never, new Echo())).rejects.toThrow("mean interface?");
  await expect(listen({ type: "unix", path: "x", perm: 5 } as never, new Echo())).rejects.toThrow("perm: expected one");
  const more = { type: "tcp", port: 0, unknown: undefined, interface: "127.0.0.1" } as never;
  await (await listen(more, new Echo())).close();
});

test("rejects invalid endpoint objects", async () => {
  await expect(connect({ type: "tcp", host: "a", port: 70_000 })).rejects.toThrow(
    "port: expected an integer from 1 to 65535",
  );
  await expect(connect({ type: "tcp", host: "", port: 1 })).rejects.toThrow("host: expected a name or an address");
  await expect(connect({ type: "udp", host: "a", port: 1 } as never)).rejects.toThrow(
    "type: expected one of tcp, tls, unix",
  );
  await expect(listen({ type: "unix", path: "" }, new Echo())).rejects.toThrow("path: expected the path of a socket");
  await expect(listen({ type: "tcp", port: "80" } as never, new Echo())).rejects.toThrow(EndpointError);
});

test("an error names the part that is wrong", () => {
  expect(() => parseServerEndpoint("tcp:x")).toThrow(
    expect.objectContaining({ code: "ENDPOINT_INVALID", part: 'port "x"' }),
  );
});

test("an error does not show keys", async () => {
  const tls = { key: "-----BEGIN PRIVATE KEY-----", passphrase: "secret" };
  const error = await listen({ tls, type: "ssl", port: 0 } as never, new Echo()).catch((reason: unknown) => reason);
  expect(String(error)).toBe(
    `EndpointError: {"tls":"…","type":"ssl","port":0}: type: expected one of tcp, tls, unix, systemd, fd`,
  );
});
