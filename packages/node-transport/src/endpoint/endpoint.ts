// Parses endpoints: strings with the syntax of Twisted (`twisted.internet.endpoints`), URLs, or objects, which are only
// checked.

import { EndpointArguments, EndpointError, splitEndpoint } from "@pb/transport";
import type { ClientTls, ServerTls } from "../tls/tls-options.js";
import type {
  ClientEndpoint,
  ServerEndpoint,
  TcpClientEndpoint,
  TcpServerEndpoint,
  UnixClientEndpoint,
} from "./endpoint-types.js";
import { isUrl, urlParts } from "./endpoint-url.js";

/** The port of Perspective Broker in Twisted (`twisted.spread.pb.portno`), and of a URL without a port. */
export const DEFAULT_PORT = 8787;

/** The longest path of a UNIX socket, in bytes: `sun_path` of the system without the zero at its end. */
export const MAX_PATH_BYTES: number = process.platform === "linux" ? 107 : 103;

/**
 * Parses a client endpoint: `tcp:example.org:8787`, `tcp:host=example.org:port=8787`,
 * `tls:example.org:8787:trustRoots=/etc/pb/ca`, `unix:/run/pb.sock`, `pb://example.org`, `pbs://example.org:8788`,
 * `pb+unix:/run/pb.sock`. In an endpoint string, a backslash makes the next character literal:
 * `tcp:host=\:\:1:port=8787`. Throws {@link EndpointError}, which says which part is wrong and what was expected.
 */
export function parseClientEndpoint(text: string): ClientEndpoint {
  if (isUrl(text)) return clientFromUrl(text);
  const { type, ...parts } = splitEndpoint(text);
  switch (type) {
    case "tcp": {
      const named = ["timeout", "bindAddress"];
      return { type, ...tcpClient(new EndpointArguments(text, parts, { positional: ["host", "port"], named })) };
    }
    case "tls":
    case "ssl": {
      const parameters = { positional: ["host", "port"], named: CLIENT_TLS_ARGUMENTS };
      const args = new EndpointArguments(text, parts, parameters);
      const over = args.optional("endpoint");
      return {
        type: "tls",
        ...tcpClient(args),
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
      throw unknownType(text, type, ["tcp", "tls", "ssl", "unix"], ["pb://", "pbs://", "pb+unix:"]);
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
  switch (type) {
    case "tcp":
    case "tcp6": {
      const args = new EndpointArguments(text, parts, { positional: ["port"], named: ["interface", "backlog"] });
      return { type: "tcp", ...tcpServer(args, type === "tcp6" ? "::" : undefined) };
    }
    case "tls":
    case "ssl": {
      const args = new EndpointArguments(text, parts, { positional: ["port"], named: SERVER_TLS_ARGUMENTS });
      return { type: "tls", ...tcpServer(args, undefined), tls: serverTls(args) };
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
    default:
      throw unknownType(text, type, ["tcp", "tls", "ssl", "unix", "systemd", "haproxy"], ["pb://", "pb+unix:"]);
  }
}

/** Parses a string as {@link parseClientEndpoint} does, or checks an object. Throws {@link EndpointError}. */
export function clientEndpoint(endpoint: string | ClientEndpoint): ClientEndpoint {
  if (typeof endpoint === "string") return parseClientEndpoint(endpoint);
  checkType(endpoint, ["tcp", "tls", "unix"]);
  const { timeoutMs } = endpoint;
  if (timeoutMs !== undefined && !(typeof timeoutMs === "number" && timeoutMs >= 0))
    throw invalidObject(endpoint, "timeoutMs", "expected a number of milliseconds");
  if (endpoint.type === "unix") checkPath(endpoint, endpoint.path);
  else {
    checkInteger(endpoint, "port", endpoint.port, 1, 65_535);
    if (typeof endpoint.host !== "string" || endpoint.host === "")
      throw invalidObject(endpoint, "host", "expected a name or an address");
  }
  return endpoint;
}

/** Parses a string as {@link parseServerEndpoint} does, or checks an object. Throws {@link EndpointError}. */
export function serverEndpoint(endpoint: string | ServerEndpoint): ServerEndpoint {
  if (typeof endpoint === "string") return parseServerEndpoint(endpoint);
  checkType(endpoint, ["tcp", "tls", "unix", "systemd"]);
  if (endpoint.type === "unix") checkPath(endpoint, endpoint.path);
  else if (endpoint.type !== "systemd") checkInteger(endpoint, "port", endpoint.port, 0, 65_535);
  if (endpoint.type === "systemd") checkOptional(endpoint, "index", endpoint.index, 0, 1023);
  else checkOptional(endpoint, "backlog", endpoint.backlog, 1, MAX_BACKLOG);
  if (endpoint.type === "unix") checkOptional(endpoint, "mode", endpoint.mode, 0, 0o777);
  if (!["undefined", "boolean"].includes(typeof endpoint.proxied))
    throw invalidObject(endpoint, "proxied", "expected true or false");
  return endpoint;
}

/** The endpoint as a string that {@link parseClientEndpoint} accepts, for error messages. */
export function describeEndpoint(endpoint: ClientEndpoint): string {
  if (endpoint.type === "unix") return `unix:${escape(endpoint.path)}`;
  return `${endpoint.type}:${escape(endpoint.host)}:${endpoint.port}`;
}

/** Before the endpoint of a server for proxies, as in Twisted (`twisted.protocols.haproxy`). */
const PROXIED = "haproxy:";

const MAX_SECONDS = 86_400;
const MAX_BACKLOG = 0x7fffffff;

const CLIENT_TLS_ARGUMENTS = [
  ...["timeout", "bindAddress", "privateKey", "certKey", "certificate", "caCertsDir", "trustRoots", "hostname"],
  "endpoint",
];
const SERVER_TLS_ARGUMENTS = [
  ...["interface", "backlog", "privateKey", "certKey", "extraCertChain", "dhParameters", "caCertsDir"],
];

function tcpClient(args: EndpointArguments): Omit<TcpClientEndpoint, "type"> {
  return {
    host: args.required("host"),
    port: args.port(1),
    bindAddress: args.optional("bindAddress"),
    timeoutMs: timeoutOf(args),
  };
}

function tcpServer(args: EndpointArguments, defaultInterface: string | undefined): Omit<TcpServerEndpoint, "type"> {
  return {
    port: args.port(0),
    interface: args.optional("interface") ?? defaultInterface,
    backlog: args.integer("backlog", 1, MAX_BACKLOG),
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
  if (isTooLong(path)) throw new EndpointError(text, name, PATH_EXPECTATION);
  return path;
}

function escape(text: string): string {
  return text.replace(/[\\:=]/g, "\\$&");
}

function unknownType(text: string, type: string, types: readonly string[], urls: readonly string[]): EndpointError {
  const expected = [...types.map((name) => JSON.stringify(name)), ...urls].join(", ");
  return new EndpointError(text, `type ${JSON.stringify(type)}`, `expected ${expected}`);
}

function checkType(endpoint: { readonly type: string }, types: readonly string[]): void {
  if (!types.includes(endpoint.type)) throw invalidObject(endpoint, "type", `expected one of ${types.join(", ")}`);
}

function checkInteger(endpoint: object, part: string, value: unknown, lowest: number, highest: number): void {
  if (typeof value === "number" && Number.isInteger(value) && value >= lowest && value <= highest) return;
  throw invalidObject(endpoint, part, `expected an integer from ${lowest} to ${highest}`);
}

function checkOptional(endpoint: object, part: string, value: unknown, lowest: number, highest: number): void {
  if (value !== undefined) checkInteger(endpoint, part, value, lowest, highest);
}

function checkPath(endpoint: object, path: unknown): void {
  if (typeof path !== "string" || path === "") throw invalidObject(endpoint, "path", "expected the path of a socket");
  if (isTooLong(path)) throw invalidObject(endpoint, "path", PATH_EXPECTATION);
}

const PATH_EXPECTATION = `expected at most ${MAX_PATH_BYTES} bytes, the limit of the system`;

function isTooLong(path: string): boolean {
  return Buffer.byteLength(path) > MAX_PATH_BYTES;
}

function invalidObject(endpoint: object, part: string, expected: string): EndpointError {
  return new EndpointError(JSON.stringify(endpoint), part, expected);
}
