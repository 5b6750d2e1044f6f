// Checks endpoints that are objects.

import { nearest } from "@pb/jelly-types";
import { EndpointError } from "@pb/transport";
import { isIP } from "node:net";
import { checkTlsOptions, clientTlsKinds, serverTlsKinds } from "../tls/tls-options.js";
import type { ClientEndpoint, ServerEndpoint, UnixServerEndpoint } from "./endpoint-types.js";
import { asciiHost } from "./host-name.js";

/** The longest path of a UNIX socket, in bytes: `sun_path` of the system without the zero at its end. */
export const MAX_PATH_BYTES: number = process.platform === "linux" ? 107 : 103;

export const DEFAULT_BACKLOG = 4096;
export const MAX_BACKLOG = 0x7fffffff;
const MAX_DESCRIPTOR = 0x7fffffff;

type Names = Readonly<Record<string, readonly string[]>>;

const serverNames: Names = {
  tcp: ["port", "interface", "backlog", "reusePort", "proxied"],
  tls: ["port", "interface", "backlog", "reusePort", "proxied", "tls"],
  unix: ["path", "mode", "lockfile", "backlog", "proxied", "timeoutMs"],
  systemd: ["index", "name", "proxied"],
  fd: ["fd", "proxied"],
};

/** The two ends of a UNIX socket may be given the same object. */
const clientNames: Names = {
  tcp: ["host", "port", "bindAddress", "timeoutMs"],
  tls: ["host", "port", "bindAddress", "timeoutMs", "tls", "over"],
  unix: serverNames.unix!,
};

/** Throws {@link EndpointError}, and `TypeError` for unknown TLS options. */
export function checkClientObject(endpoint: ClientEndpoint): void {
  checkNames(endpoint, clientNames);
  checkTimeout(endpoint);
  if (endpoint.type === "unix") {
    checkPath(endpoint, endpoint.path);
    return;
  }
  checkInteger(endpoint, "port", endpoint.port, 1, 65_535);
  if (typeof endpoint.host !== "string" || endpoint.host === "")
    throw invalid(endpoint, "host", "expected a name or an address");
  asciiHost(endpoint.host, show(endpoint), "host");
  checkBindAddress(show(endpoint), endpoint.bindAddress);
  if (endpoint.type === "tls") {
    checkTlsOptions(endpoint.tls, clientTlsKinds);
    if (endpoint.over !== undefined) checkClientObject(endpoint.over);
  }
}

/** Throws {@link EndpointError}, and `TypeError` for unknown TLS options. */
export function checkServerObject(endpoint: ServerEndpoint): void {
  checkNames(endpoint, serverNames);
  checkFlags(endpoint, ["proxied", "lockfile", "reusePort"]);
  switch (endpoint.type) {
    case "unix":
      checkPath(endpoint, endpoint.path);
      checkAbstract(show(endpoint), endpoint);
      checkOptional(endpoint, "mode", endpoint.mode, 0, 0o777);
      checkOptional(endpoint, "backlog", endpoint.backlog, 1, MAX_BACKLOG);
      checkTimeout(endpoint);
      break;
    case "systemd":
      checkSystemdName(endpoint);
      checkOptional(endpoint, "index", endpoint.index, 0, 1023);
      break;
    case "fd":
    case undefined:
      checkInteger(endpoint, "fd", endpoint.fd, 0, MAX_DESCRIPTOR);
      break;
    default:
      checkInteger(endpoint, "port", endpoint.port, 0, 65_535);
      checkOptional(endpoint, "backlog", endpoint.backlog, 1, MAX_BACKLOG);
      checkOptionalText(endpoint, "interface", endpoint.interface);
      if (endpoint.type === "tls") checkTlsOptions(endpoint.tls, serverTlsKinds);
  }
}

/** Replaces the options of TLS, which may contain keys, and passwords. For `JSON.stringify`. */
const withoutSecrets = (name: string, value: unknown): unknown => (["tls", "password"].includes(name) ? "…" : value);

/** An object as text, for errors. */
export function show(endpoint: unknown): string {
  if (typeof endpoint !== "object" || endpoint === null) return String(endpoint);
  const prototype: unknown = Object.getPrototypeOf(endpoint);
  if (prototype !== Object.prototype && prototype !== null) return `[${endpoint.constructor.name}]`;
  try {
    return JSON.stringify(endpoint, withoutSecrets).slice(0, 300);
  } catch {
    return "[object]"; // It contains itself, or a bigint.
  }
}

/** Throws {@link EndpointError} for a path that no UNIX socket can have. */
export function requirePath(text: string, part: string, path: string): void {
  if (path.lastIndexOf("\0") > 0) throw new EndpointError(text, part, "expected no NUL after the first character");
  if (path.startsWith("\0") && process.platform !== "linux")
    throw new EndpointError(text, part, "expected a path: only Linux has abstract sockets");
  if (Buffer.byteLength(path) > MAX_PATH_BYTES)
    throw new EndpointError(text, part, `expected at most ${MAX_PATH_BYTES} bytes, the limit of the system`);
}

/** Throws {@link EndpointError} for parts that need a file, which an abstract socket does not have. */
export function checkAbstract(text: string, { path, mode, lockfile, proxied }: UnixServerEndpoint): void {
  if (!path.startsWith("\0")) return;
  if (mode !== undefined) throw new EndpointError(text, "mode", "expected none: an abstract socket has no file");
  if (lockfile === true) throw new EndpointError(text, "lockfile", "expected none: an abstract socket has no file");
  // Over a UNIX socket, the mode of the file says which proxies are trusted.
  if (proxied === true) throw new EndpointError(text, "haproxy", "expected a path, whose mode says who may connect");
}

function checkNames(endpoint: unknown, names: Names): void {
  const types = Object.keys(names);
  const { type = isDescriptor(endpoint) ? "fd" : undefined } = (endpoint ?? {}) as { readonly type?: unknown };
  if (typeof type !== "string" || !Object.hasOwn(names, type))
    throw invalid(endpoint, "type", expectedType(type, types));
  const known = ["type", ...names[type]!];
  for (const [name, value] of Object.entries(endpoint as object)) {
    if (value === undefined || known.includes(name)) continue;
    const meant = name === "host" ? "interface" : nearest(name, known);
    const isKnown = meant !== undefined && known.includes(meant);
    const hint = isKnown ? `did you mean ${meant}?` : `expected one of ${known.join(", ")}`;
    throw invalid(endpoint, name, hint);
  }
}

/** The only endpoint that needs no type. */
function isDescriptor(endpoint: unknown): boolean {
  return typeof endpoint === "object" && endpoint !== null && "fd" in endpoint;
}

function expectedType(type: unknown, types: readonly string[]): string {
  const meant = typeof type === "string" ? nearest(type, types) : undefined;
  return `expected one of ${types.join(", ")}${meant === undefined ? "" : `. Did you mean ${meant}?`}`;
}

/** A server may be given the object of its client, which has a time. */
function checkTimeout(endpoint: object): void {
  const { timeoutMs } = endpoint as { readonly timeoutMs?: unknown };
  if (timeoutMs !== undefined && !(typeof timeoutMs === "number" && timeoutMs >= 0))
    throw invalid(endpoint, "timeoutMs", "expected a number of milliseconds");
}

function checkFlags(endpoint: object, names: readonly string[]): void {
  for (const name of names) {
    const value = (endpoint as Readonly<Record<string, unknown>>)[name];
    if (value !== undefined && typeof value !== "boolean") throw invalid(endpoint, name, "expected true or false");
  }
}

function checkSystemdName(endpoint: { readonly name?: unknown; readonly index?: unknown }): void {
  const { name, index } = endpoint;
  if (name === undefined) return;
  if (typeof name !== "string" || name === "") throw invalid(endpoint, "name", "expected text");
  if (index !== undefined) throw invalid(endpoint, "index, name", "expected only one of them");
}

/** Throws {@link EndpointError} unless `address` is undefined or an address, without a name to look up. */
export function checkBindAddress(text: string, address: unknown): void {
  if (address !== undefined && !(typeof address === "string" && isIP(address) !== 0))
    throw new EndpointError(text, "bindAddress", "expected an address of this machine, such as 192.0.2.1");
}

function checkInteger(endpoint: object, part: string, value: unknown, lowest: number, highest: number): void {
  if (typeof value === "number" && Number.isInteger(value) && value >= lowest && value <= highest) return;
  throw invalid(endpoint, part, `expected an integer from ${lowest} to ${highest}`);
}

function checkOptional(endpoint: object, part: string, value: unknown, lowest: number, highest: number): void {
  if (value !== undefined) checkInteger(endpoint, part, value, lowest, highest);
}

function checkOptionalText(endpoint: object, part: string, value: unknown): void {
  if (value === undefined) return;
  if (typeof value !== "string" || value === "") throw invalid(endpoint, part, "expected a name or an address");
  asciiHost(value, show(endpoint), part);
}

function checkPath(endpoint: object, path: unknown): void {
  if (typeof path !== "string" || path === "") throw invalid(endpoint, "path", "expected the path of a socket");
  requirePath(show(endpoint), "path", path);
}

function invalid(endpoint: unknown, part: string, expected: string): EndpointError {
  return new EndpointError(show(endpoint), part, expected);
}
