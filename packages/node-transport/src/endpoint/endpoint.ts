// Parses endpoints: strings with the syntax of Twisted (`twisted.internet.endpoints`), URLs, or objects, which are only
// checked.

import { EndpointArguments, EndpointError, splitEndpoint } from "@pb/transport";
import { isIPv6 } from "node:net";
import type { ClientTls, ServerTls } from "../tls/tls-options.js";
import { adviceFor } from "./endpoint-advice.js";
import {
  checkAbstract,
  checkBindAddress,
  checkClientObject,
  checkServerObject,
  MAX_BACKLOG,
  requirePath,
  show,
} from "./endpoint-object.js";
import type {
  ClientEndpoint,
  ServerEndpoint,
  TcpClientEndpoint,
  TcpServerEndpoint,
  UnixClientEndpoint,
} from "./endpoint-types.js";
import { isUrl, urlParts } from "./endpoint-url.js";
import { asciiHost } from "./host-name.js";

/** The port of Perspective Broker in Twisted (`twisted.spread.pb.portno`), and of a URL without a port. */
export const DEFAULT_PORT = 8787;

/**
 * Parses a client endpoint: `tcp:example.org:8787`, `tcp:host=example.org:port=8787`,
 * `tls:example.org:8787:trustRoots=/etc/pb/ca`, `unix:/run/pb.sock`, `pb://example.org`, `pbs://example.org:8788`,
 * `pb+unix:/run/pb.sock`. In an endpoint string, a backslash makes the next character literal:
 * `tcp:host=\:\:1:port=8787`. Throws {@link EndpointError}, which says which part is wrong and what was expected.
 */
export function parseClientEndpoint(text: string): ClientEndpoint {
  if (isUrl(text)) return clientFromUrl(text);
  const { type, ...parts } = splitEndpoint(text);
  refuseBareIPv6(text, type, parts.positional);
  switch (type) {
    case "tcp": {
      const named = ["timeout", "bindAddress"];
      return { type, ...tcpClient(text, new EndpointArguments(text, parts, { positional: ["host", "port"], named })) };
    }
    case "tls":
    case "ssl": {
      const parameters = { positional: ["host", "port"], named: CLIENT_TLS_ARGUMENTS };
      const args = new EndpointArguments(text, parts, parameters);
      const over = args.optional("endpoint");
      return {
        type: "tls",
        ...tcpClient(text, args),
        tls: clientTls(args),
        ...(over === undefined ? {} : { over: carrier(over, text) }),
      };
    }
    case "unix": {
      const args = new EndpointArguments(text, parts, { positional: ["path"], named: ["timeout", "lockfile"] });
      args.flag("lockfile");
      return { type, path: pathOf(text, args, "path"), timeoutMs: timeoutOf(args) };
    }
    default:
      throw unknownType(text, type, "client", ["tcp", "tls", "ssl", "unix"]);
  }
}

/**
 * Parses a server endpoint: `tcp:8787`, `tcp:8787:interface=127.0.0.1`, `tcp:port=0:backlog=100`,
 * `ssl:8787:privateKey=key.pem:certKey=cert.pem`, `unix:/run/pb.sock:mode=660`, `systemd:index=0`,
 * `haproxy:tcp:8787`, `pb://127.0.0.1:8787`, `pb+unix:/run/pb.sock`. Throws {@link EndpointError}.
 */
export function parseServerEndpoint(text: string): ServerEndpoint {
  if (isUrl(text)) return serverFromUrl(text);
  if (text.startsWith(PROXIED)) return proxiedServer(text);
  const { type, ...parts } = splitEndpoint(text);
  refuseHostBeforePort(text, type, parts.positional);
  switch (type) {
    case "tcp":
    case "tcp6": {
      const named = ["interface", "backlog", "reusePort"];
      const args = new EndpointArguments(text, parts, { positional: ["port"], named });
      return { type: "tcp", ...tcpServer(text, args, type === "tcp6" ? "::" : undefined) };
    }
    case "tls":
    case "ssl": {
      const args = new EndpointArguments(text, parts, { positional: ["port"], named: SERVER_TLS_ARGUMENTS });
      return { type: "tls", ...tcpServer(text, args), tls: serverTls(args) };
    }
    case "unix": {
      const named = ["mode", "backlog", "lockfile"];
      const aliases = { path: "address" };
      const args = new EndpointArguments(text, parts, { positional: ["address"], named, aliases });
      return {
        type,
        path: pathOf(text, args, "address"),
        mode: args.octal("mode"),
        lockfile: args.flag("lockfile"),
        backlog: args.integer("backlog", 1, MAX_BACKLOG),
      };
    }
    case "systemd": {
      const args = new EndpointArguments(text, parts, { positional: ["domain"], named: ["index", "name"] });
      args.oneOf("domain", ["INET", "INET6", "UNIX"]);
      const [index, name] = [args.integer("index", 0, 1023), args.optional("name")];
      if ((index === undefined) === (name === undefined))
        throw new EndpointError(text, "index, name", "expected exactly one of them");
      return { type, index, name };
    }
    case "fd": {
      const args = new EndpointArguments(text, parts, { positional: ["fd"], named: [] });
      args.required("fd");
      return { type, fd: args.integer("fd", 0, 0x7fffffff)! };
    }
    default:
      throw unknownType(text, type, "server", ["tcp", "tls", "ssl", "unix", "systemd", "fd", "haproxy"]);
  }
}

/**
 * Parses a string as {@link parseClientEndpoint} does, or checks an object. Throws {@link EndpointError}, and
 * `TypeError` for unknown TLS options.
 */
export function clientEndpoint(endpoint: string | ClientEndpoint): ClientEndpoint {
  if (typeof endpoint === "string") return parseClientEndpoint(endpoint);
  requireObject(endpoint, "tcp:localhost:8787", "client");
  checkClientObject(endpoint);
  return endpoint;
}

/** Parses a string as {@link parseServerEndpoint} does, or checks an object. Throws as {@link clientEndpoint} does. */
export function serverEndpoint(endpoint: string | ServerEndpoint): ServerEndpoint {
  if (typeof endpoint === "string") {
    const parsed = parseServerEndpoint(endpoint);
    if (parsed.type === "unix") checkAbstract(endpoint, parsed);
    return parsed;
  }
  requireObject(endpoint, "tcp:8787", "server");
  checkServerObject(endpoint);
  return endpoint;
}

/** The endpoint as a string that {@link parseClientEndpoint} accepts, for error messages. */
export function describeEndpoint(endpoint: ClientEndpoint): string {
  if (endpoint.type === "unix") return `unix:${escape(endpoint.path)}`;
  return `${endpoint.type}:${escape(endpoint.host)}:${endpoint.port}`;
}

/** An IPv6 address with its colons, in an endpoint string in which colons separate the arguments. */
function refuseBareIPv6(text: string, type: string, positional: readonly string[]): void {
  if (positional.length < 3 || !["tcp", "tls", "ssl"].includes(type)) return;
  const [, host, port] = /^\w+:\[?([\da-f:.]*:[\da-f:.]*)\]?:(\d+)$/i.exec(text) ?? [];
  if (host === undefined || port === undefined || !isIPv6(host)) return;
  const url = `${type === "tcp" ? "pb" : "pbs"}://[${host}]:${port}`;
  throw new EndpointError(text, "host", `expected a backslash before each colon of the address, or ${url}`);
}

function refuseHostBeforePort(text: string, type: string, positional: readonly string[]): void {
  const [host = "", port = ""] = positional;
  if (!["tcp", "tcp6", "tls", "ssl"].includes(type) || !/^\d+$/.test(port) || /^\d+$/.test(host)) return;
  const meant = `${type}:${port}:interface=${escape(host)}`;
  throw new EndpointError(text, `port ${JSON.stringify(host)}`, `expected the port first. Did you mean ${meant}?`);
}

/** Before the endpoint of a server for proxies, as in Twisted (`twisted.protocols.haproxy`). */
const PROXIED = "haproxy:";

const MAX_SECONDS = 86_400;

const CLIENT_TLS_ARGUMENTS = [
  ...["timeout", "bindAddress", "privateKey", "certKey", "certificate", "caCertsDir", "trustRoots", "hostname"],
  "endpoint",
];
const SERVER_TLS_ARGUMENTS = [
  ...["interface", "backlog", "reusePort", "privateKey", "certKey", "extraCertChain", "dhParameters", "caCertsDir"],
];

function tcpClient(text: string, args: EndpointArguments): Omit<TcpClientEndpoint, "type"> {
  const host = args.required("host");
  asciiHost(host, text, "host");
  const bindAddress = args.optional("bindAddress");
  checkBindAddress(text, bindAddress);
  return {
    host,
    port: args.port(1),
    bindAddress,
    timeoutMs: timeoutOf(args),
  };
}

function tcpServer(text: string, args: EndpointArguments, defaultInterface?: string): Omit<TcpServerEndpoint, "type"> {
  const name = args.optional("interface") ?? defaultInterface;
  if (name !== undefined) asciiHost(name, text, "interface");
  return {
    port: args.port(0),
    interface: name,
    backlog: args.integer("backlog", 1, MAX_BACKLOG),
    reusePort: args.flag("reusePort"),
  };
}

function proxiedServer(text: string): ServerEndpoint {
  const inner = text.slice(PROXIED.length);
  if (inner.startsWith(PROXIED)) throw new EndpointError(text, "haproxy", "given twice");
  return { ...parseServerEndpoint(inner), proxied: true };
}

/**
 * The two TLS clients of Twisted have different names: `certKey` and `caCertsDir` for `ssl:`, `certificate` and
 * `trustRoots` for `tls:`.
 */
function clientTls(args: EndpointArguments): ClientTls {
  const keyFile = args.optional("privateKey");
  return {
    keyFile,
    certFile: args.eitherOf("certKey", "certificate") ?? keyFile,
    caDirectory: args.eitherOf("caCertsDir", "trustRoots"),
    serverName: args.optional("hostname"),
  };
}

/** As in Twisted, one file can contain the key and the certificate. Its default is `server.pem`. */
function serverTls(args: EndpointArguments): ServerTls {
  const keyFile = args.optional("privateKey") ?? "server.pem";
  return {
    keyFile,
    certFile: args.optional("certKey") ?? keyFile,
    chainFile: args.optional("extraCertChain"),
    dhFile: args.optional("dhParameters"),
    caDirectory: args.optional("caCertsDir"),
  };
}

/** The endpoint that carries TLS. `whole` is the endpoint that contains it. */
function carrier(text: string, whole: string): TcpClientEndpoint | UnixClientEndpoint {
  const endpoint = parseClientEndpoint(text);
  if (endpoint.type === "tls") throw new EndpointError(whole, "endpoint", "expected tcp: or unix:");
  return endpoint;
}

function clientFromUrl(text: string): ClientEndpoint {
  const { scheme, host, port, path } = urlParts(text);
  if (scheme === "pb+unix") return { type: "unix", path };
  if (host === "" || host === "*") throw new EndpointError(text, "host", "missing");
  if (port === 0) throw new EndpointError(text, "port 0", "expected an integer from 1 to 65535");
  return { type: scheme === "pb" ? "tcp" : "tls", host, port: port ?? DEFAULT_PORT };
}

function serverFromUrl(text: string): ServerEndpoint {
  const { scheme, host, port, path } = urlParts(text);
  if (scheme === "pb+unix") return { type: "unix", path };
  const isEveryInterface = host === "" || host === "*";
  return {
    type: scheme === "pb" ? "tcp" : "tls",
    port: port ?? DEFAULT_PORT,
    ...(isEveryInterface ? {} : { interface: host }),
  };
}

/** The argument `timeout`, which is in seconds as in Twisted. */
function timeoutOf(args: EndpointArguments): number | undefined {
  const seconds = args.integer("timeout", 1, MAX_SECONDS);
  return seconds === undefined ? undefined : seconds * 1000;
}

function pathOf(text: string, args: EndpointArguments, name: string): string {
  const path = args.required(name);
  requirePath(text, name, path);
  return path;
}

function escape(text: string): string {
  return text.replace(/[\\:=]/g, "\\$&");
}

function unknownType(text: string, type: string, end: "client" | "server", types: readonly string[]): EndpointError {
  const urls = ["pb://", "pbs://", "pb+unix:"];
  const expected = [...types.map((name) => JSON.stringify(name)), ...urls].join(", ");
  const advice = adviceFor(text, end, DEFAULT_PORT);
  return new EndpointError(text, `type ${JSON.stringify(type)}`, `expected ${expected}${advice}`);
}

/** Refuses what is neither text nor an object, and objects whose text would be meant. */
function requireObject(endpoint: unknown, example: string, end: "client" | "server"): void {
  if (endpoint instanceof URL) throw new EndpointError(endpoint.href, "endpoint", "expected its text: url.href");
  if (typeof endpoint === "object" && endpoint !== null) return;
  const advice = typeof endpoint === "number" ? adviceFor(String(endpoint), end, DEFAULT_PORT) : "";
  const expected = `expected text such as ${example}, or an object such as { type: "tcp", … }${advice}`;
  throw new EndpointError(show(endpoint), "endpoint", expected);
}
