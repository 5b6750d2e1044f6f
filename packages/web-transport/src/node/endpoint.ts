// Where a WebSocket server listens: `ws:8080:path=/pb`, `ws://127.0.0.1:8080/pb`, or an object.

import { checkOptions } from "@pb/jelly-types";
import type { OptionKinds } from "@pb/jelly-types";
import { asciiHost, checkTlsOptions, serverTlsKinds } from "@pb/node-transport";
import type { ServerTls } from "@pb/node-transport";
import { EndpointArguments, EndpointError, splitEndpoint } from "@pb/transport";

/** The largest backlog, as for the endpoints of `@pb/node-transport`. */
const MAX_BACKLOG = 0x7fffffff;

/** A port to listen on for WebSockets. */
export interface WebSocketEndpoint {
  /** 0 for any free port. */
  readonly port: number;
  /** The address of the interface. Default: all interfaces, IPv6 and IPv4. */
  readonly interface?: string | undefined;
  /** The path of the URL. Default `/`. */
  readonly path?: string | undefined;
  /** How many connections may wait to be accepted. Default 4,096, as for the endpoints of `@pb/node-transport`. */
  readonly backlog?: number | undefined;
  /** With keys, clients connect with `wss:`. */
  readonly tls?: ServerTls | undefined;
}

const endpointKinds: OptionKinds<WebSocketEndpoint> = {
  port: "any",
  interface: "string",
  path: "string",
  backlog: "any",
  tls: "object",
};

/**
 * Parses an endpoint string or a URL, or checks an object. Throws `EndpointError`, and `TypeError` for an object with
 * an unknown property or one of the wrong kind.
 *
 * - `ws:8080`, `ws:8080:interface=127.0.0.1:path=/pb:backlog=100`
 * - `wss:8443:privateKey=key.pem:certKey=cert.pem`, with the arguments of Twisted's `ssl` and those of `ws`
 * - `ws://127.0.0.1:8080/pb`; `*` as the host listens on all interfaces
 */
export function webSocketEndpoint(endpoint: string | WebSocketEndpoint): WebSocketEndpoint {
  if (typeof endpoint !== "string") return checkedObject(endpoint);
  if (/^wss?:\/\//.test(endpoint)) return fromUrl(endpoint);
  const parts = splitEndpoint(endpoint);
  if (parts.type !== "ws" && parts.type !== "wss")
    throw new EndpointError(endpoint, `type ${JSON.stringify(parts.type)}`, "expected ws or wss");
  const tls = parts.type === "wss" ? ["privateKey", "certKey", "extraCertChain", "caCertsDir"] : [];
  const values = new EndpointArguments(endpoint, parts, {
    positional: ["port"],
    named: ["interface", "path", "backlog", ...tls],
  });
  return checked(
    {
      port: values.port(0),
      interface: values.optional("interface"),
      path: values.optional("path"),
      backlog: values.integer("backlog", 1, MAX_BACKLOG),
      ...(parts.type === "wss" ? { tls: tlsOf(values) } : {}),
    },
    endpoint,
  );
}

/** As for Twisted's `ssl`: without `certKey`, the certificate is in the file of the key. */
function tlsOf(values: EndpointArguments): ServerTls {
  const keyFile = values.required("privateKey");
  return {
    keyFile,
    certFile: values.optional("certKey") ?? keyFile,
    chainFile: values.optional("extraCertChain"),
    caDirectory: values.optional("caCertsDir"),
  };
}

function fromUrl(text: string): WebSocketEndpoint {
  // `*` is no host of a URL.
  const isAny = /^wss?:\/\/\*(?=[:/]|$)/.test(text);
  const url = toUrl(text, isAny ? text.replace("*", "any.invalid") : text);
  if (url.search !== "" || url.hash !== "" || url.username !== "" || url.password !== "")
    throw new EndpointError(text, "URL", "expected a host, a port and a path only");
  const port = url.port === "" ? (url.protocol === "wss:" ? 443 : 80) : Number(url.port);
  const host = isAny ? undefined : url.hostname.replace(/^\[(.*)\]$/, "$1");
  const tls = url.protocol === "wss:" ? { tls: {} } : {};
  return checked({ port, interface: host, path: url.pathname, ...tls }, text);
}

function toUrl(text: string, url: string): URL {
  try {
    return new URL(url);
  } catch {
    throw new EndpointError(text, "URL", "expected a URL such as ws://127.0.0.1:8080/pb");
  }
}

/** As text, for errors, without keys. */
function show(endpoint: WebSocketEndpoint): string {
  return JSON.stringify(endpoint, (name, value: unknown) =>
    name === "tls" ? "…" : typeof value === "bigint" ? `${value}n` : value,
  );
}

function checkedObject(endpoint: WebSocketEndpoint): WebSocketEndpoint {
  const given: unknown = endpoint;
  if (typeof given !== "object" || given === null || Array.isArray(given) || given instanceof URL) {
    const text = given instanceof URL ? given.href : String(given);
    throw new EndpointError(text, "endpoint", "expected text such as ws:8080, or an object { port: 8080 }");
  }
  checkOptions(endpoint, endpointKinds);
  checkTlsOptions(endpoint.tls, serverTlsKinds);
  return checked(endpoint, show(endpoint));
}

function checked(endpoint: WebSocketEndpoint, text: string): WebSocketEndpoint {
  checkPath(endpoint.path, text);
  const { port, interface: host, backlog } = endpoint;
  if (host === "") throw new EndpointError(text, "interface", "expected an address");
  if (host !== undefined) asciiHost(host, text, "interface");
  if (backlog !== undefined && !(Number.isInteger(backlog) && backlog >= 1 && backlog <= MAX_BACKLOG))
    throw new EndpointError(text, "backlog", `expected an integer from 1 to ${MAX_BACKLOG}`);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new EndpointError(text, `port ${String(port)}`, "expected an integer from 0 to 65535");
  return endpoint;
}

/** Throws `EndpointError` for a path that no request can have. */
export function checkPath(path: string | undefined, text: string): void {
  if (path !== undefined && !/^\/[^?#\s]*$/.test(path))
    throw new EndpointError(text, `path ${JSON.stringify(path)}`, "expected a path that begins with /");
}
