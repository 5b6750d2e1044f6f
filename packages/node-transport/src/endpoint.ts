// Where to connect to and where to listen: in Twisted's words (`twisted.internet.endpoints`), as a URL, or as an object of its parts.

import { Arguments, MAX_PATH_BYTES } from "./endpoint-string.js";
import { isUrl, urlParts } from "./endpoint-url.js";
import { EndpointError } from "./errors.js";
import type { ClientTls, ServerTls } from "./tls-options.js";

/** Twisted's port for Perspective Broker (`twisted.spread.pb.portno`): what a URL without a port means. */
export const DEFAULT_PORT = 8787;

/** A TCP server to connect to. */
export interface TcpClientEndpoint {
  readonly type: "tcp";
  /** A name or an address. For a name, its IPv4 and IPv6 addresses are tried side by side. */
  readonly host: string;
  readonly port: number;
  /** The address to come from. Default: what the system chooses. */
  readonly bindAddress?: string | undefined;
  /** Milliseconds to wait for somebody to answer; goes before `connectMs` of `connect`. */
  readonly timeoutMs?: number | undefined;
}

/** A TLS server to connect to. */
export interface TlsClientEndpoint extends Omit<TcpClientEndpoint, "type"> {
  readonly type: "tls";
  readonly tls?: ClientTls | undefined;
  /** What to speak TLS over. Default: TCP to `host` and `port`, which otherwise only name the server. */
  readonly over?: TcpClientEndpoint | UnixClientEndpoint | undefined;
}

/** A UNIX socket to connect to. */
export interface UnixClientEndpoint {
  readonly type: "unix";
  readonly path: string;
  readonly timeoutMs?: number | undefined;
}

/** A TCP port to listen on. */
export interface TcpServerEndpoint {
  readonly type: "tcp";
  /** 0 for any free one. */
  readonly port: number;
  /** The address of the interface. Default: all of them, IPv6 and IPv4. */
  readonly interface?: string | undefined;
  /** Connections that may wait to be taken. Default: Node's, 511. */
  readonly backlog?: number | undefined;
}

/** A TCP port to listen on, where TLS is spoken. */
export interface TlsServerEndpoint extends Omit<TcpServerEndpoint, "type"> {
  readonly type: "tls";
  readonly tls?: ServerTls | undefined;
}

/** A UNIX socket to listen on. */
export interface UnixServerEndpoint {
  readonly type: "unix";
  readonly path: string;
  /** Who may connect, as the mode of a file. Default 0o660: the owner and the group. (Twisted's default is 0o666.) */
  readonly mode?: number | undefined;
  /** Whether `<path>.lock` tells others, Twisted too, that the path is taken, and a dead server's socket is replaced. Default true. */
  readonly lockfile?: boolean | undefined;
  readonly backlog?: number | undefined;
}

/** A socket that listens already: systemd made it and hands it over. By its place among them, or by `FileDescriptorName=`. */
export interface SystemdServerEndpoint {
  readonly type: "systemd";
  readonly index?: number | undefined;
  readonly name?: string | undefined;
}

export type ClientEndpoint = TcpClientEndpoint | TlsClientEndpoint | UnixClientEndpoint;
export type ServerEndpoint = TcpServerEndpoint | TlsServerEndpoint | UnixServerEndpoint | SystemdServerEndpoint;

/**
 * Reads a client endpoint: `tcp:example.org:8787`, `tcp:host=example.org:port=8787`, `tls:example.org:8787:trustRoots=/etc/pb/ca`,
 * `unix:/run/pb.sock`, `pb://example.org`, `pbs://example.org:8788`, `pb+unix:/run/pb.sock`. In the first form a backslash keeps a colon:
 * `tcp:host=\:\:1:port=8787`. Throws {@link EndpointError}, which says which part is wrong and what was expected.
 */
export function parseClientEndpoint(text: string): ClientEndpoint {
  if (isUrl(text)) return clientFromUrl(text);
  const { type, ...given } = Arguments.split(text);
  switch (type) {
    case "tcp": {
      const args = new Arguments(text, given, ["host", "port"], ["timeout", "bindAddress"]);
      return { type, ...tcpClient(args) };
    }
    case "tls":
    case "ssl": {
      const args = new Arguments(text, given, ["host", "port"], CLIENT_TLS_ARGUMENTS);
      const over = args.optional("endpoint");
      return {
        type: "tls",
        ...tcpClient(args),
        tls: clientTls(args),
        ...(over === undefined ? {} : { over: inner(over, text) }),
      };
    }
    case "unix": {
      const args = new Arguments(text, given, ["path"], ["timeout", "lockfile"]);
      args.flag("lockfile");
      return { type, path: args.path("path"), timeoutMs: seconds(args.number("timeout", 1, MAX_SECONDS)) };
    }
    default:
      throw unknownType(text, type, ["tcp", "tls", "ssl", "unix"], ["pb://", "pbs://", "pb+unix:"]);
  }
}

/**
 * Reads a server endpoint: `tcp:8787`, `tcp:8787:interface=127.0.0.1`, `tcp:port=0:backlog=100`, `ssl:8787:privateKey=key.pem:certKey=cert.pem`,
 * `unix:/run/pb.sock:mode=660`, `systemd:index=0`, `pb://127.0.0.1:8787`, `pb+unix:/run/pb.sock`. Throws {@link EndpointError}.
 */
export function parseServerEndpoint(text: string): ServerEndpoint {
  if (isUrl(text)) return serverFromUrl(text);
  const { type, ...given } = Arguments.split(text);
  switch (type) {
    case "tcp":
    case "tcp6": {
      const args = new Arguments(text, given, ["port"], ["interface", "backlog"]);
      return { type: "tcp", ...tcpServer(args, type === "tcp6" ? "::" : undefined) };
    }
    case "tls":
    case "ssl": {
      const args = new Arguments(text, given, ["port"], SERVER_TLS_ARGUMENTS);
      return { type: "tls", ...tcpServer(args, undefined), tls: serverTls(args) };
    }
    case "unix": {
      const args = new Arguments(text, given, ["address"], ["mode", "backlog", "lockfile"], { path: "address" });
      return {
        type,
        path: args.path("address"),
        mode: args.octal("mode"),
        lockfile: args.flag("lockfile"),
        backlog: args.number("backlog", 1, MAX_BACKLOG),
      };
    }
    case "systemd": {
      const args = new Arguments(text, given, ["domain"], ["index", "name"]);
      args.oneOf("domain", ["INET", "INET6", "UNIX"]);
      const [index, name] = [args.number("index", 0, 1023), args.optional("name")];
      if ((index === undefined) === (name === undefined))
        throw new EndpointError(text, "index, name", "expected one of the two");
      return { type, index, name };
    }
    default:
      throw unknownType(text, type, ["tcp", "tls", "ssl", "unix", "systemd"], ["pb://", "pb+unix:"]);
  }
}

/** A string as {@link parseClientEndpoint} reads it; an object is checked. */
export function clientEndpoint(endpoint: string | ClientEndpoint): ClientEndpoint {
  if (typeof endpoint === "string") return parseClientEndpoint(endpoint);
  checkObject(endpoint, ["tcp", "tls", "unix"]);
  if (endpoint.type === "unix") checkPath(endpoint, endpoint.path);
  else {
    checkPort(endpoint, endpoint.port, 1);
    if (typeof endpoint.host !== "string" || endpoint.host === "")
      throw wrong(endpoint, "host", "expected a name or an address");
  }
  return endpoint;
}

export function serverEndpoint(endpoint: string | ServerEndpoint): ServerEndpoint {
  if (typeof endpoint === "string") return parseServerEndpoint(endpoint);
  checkObject(endpoint, ["tcp", "tls", "unix", "systemd"]);
  if (endpoint.type === "unix") checkPath(endpoint, endpoint.path);
  else if (endpoint.type !== "systemd") checkPort(endpoint, endpoint.port, 0);
  return endpoint;
}

/** The string that {@link parseClientEndpoint} reads as this: for logs. */
export function describeEndpoint(endpoint: ClientEndpoint): string {
  if (endpoint.type === "unix") return `unix:${escape(endpoint.path)}`;
  return `${endpoint.type}:${escape(endpoint.host)}:${endpoint.port}`;
}

const MAX_SECONDS = 86_400;
const MAX_BACKLOG = 0x7fffffff;

const CLIENT_TLS_ARGUMENTS = [
  ...[
    "timeout",
    "bindAddress",
    "privateKey",
    "certKey",
    "certificate",
    "caCertsDir",
    "trustRoots",
    "hostname",
    "endpoint",
  ],
];
const SERVER_TLS_ARGUMENTS = [
  ...["interface", "backlog", "privateKey", "certKey", "extraCertChain", "dhParameters", "caCertsDir"],
];

function tcpClient(args: Arguments): Omit<TcpClientEndpoint, "type"> {
  return {
    host: args.required("host"),
    port: args.port(1),
    bindAddress: args.optional("bindAddress"),
    timeoutMs: seconds(args.number("timeout", 1, MAX_SECONDS)),
  };
}

function tcpServer(args: Arguments, fallback: string | undefined): Omit<TcpServerEndpoint, "type"> {
  return {
    port: args.port(0),
    interface: args.optional("interface") ?? fallback,
    backlog: args.number("backlog", 1, MAX_BACKLOG),
  };
}

/** Twisted has two clients: `ssl:` says certKey and caCertsDir, `tls:` says certificate and trustRoots. Either word does. */
function clientTls(args: Arguments): ClientTls {
  const keyFile = args.optional("privateKey");
  return {
    keyFile,
    certFile: args.oneOfTwo("certKey", "certificate") ?? keyFile,
    caDirectory: args.oneOfTwo("caCertsDir", "trustRoots"),
    serverName: args.optional("hostname"),
  };
}

/** As in Twisted, one file may hold the key and the certificate, and is `server.pem` by default. */
function serverTls(args: Arguments): ServerTls {
  const keyFile = args.optional("privateKey") ?? "server.pem";
  return {
    keyFile,
    certFile: args.optional("certKey") ?? keyFile,
    chainFile: args.optional("extraCertChain"),
    dhFile: args.optional("dhParameters"),
    caDirectory: args.optional("caCertsDir"),
  };
}

function inner(text: string, whole: string): TcpClientEndpoint | UnixClientEndpoint {
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
  const anywhere = host === "" || host === "*";
  return {
    type: scheme === "pb" ? "tcp" : "tls",
    port: port ?? DEFAULT_PORT,
    ...(anywhere ? {} : { interface: host }),
  };
}

function seconds(value: number | undefined): number | undefined {
  return value === undefined ? undefined : value * 1000;
}

function escape(text: string): string {
  return text.replace(/[\\:=]/g, "\\$&");
}

function unknownType(text: string, type: string, types: readonly string[], urls: readonly string[]): EndpointError {
  const expected = [...types.map((name) => JSON.stringify(name)), ...urls].join(", ");
  return new EndpointError(text, `type ${JSON.stringify(type)}`, `expected ${expected}`);
}

function checkObject(endpoint: { readonly type: string }, types: readonly string[]): void {
  if (!types.includes(endpoint.type)) throw wrong(endpoint, "type", `expected one of ${types.join(", ")}`);
}

function checkPort(endpoint: object, port: unknown, lowest: number): void {
  if (typeof port === "number" && Number.isInteger(port) && port >= lowest && port <= 65_535) return;
  throw wrong(endpoint, "port", `expected an integer from ${lowest} to 65535`);
}

function checkPath(endpoint: object, path: unknown): void {
  if (typeof path !== "string" || path === "") throw wrong(endpoint, "path", "expected the path of a socket");
  if (Buffer.byteLength(path) > MAX_PATH_BYTES)
    throw wrong(endpoint, "path", `expected at most ${MAX_PATH_BYTES} bytes, as in any socket address`);
}

function wrong(endpoint: object, part: string, expected: string): EndpointError {
  return new EndpointError(JSON.stringify(endpoint), part, expected);
}
