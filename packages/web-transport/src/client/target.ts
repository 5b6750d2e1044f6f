// What a client connects to: a URL, a WebSocket or a port.

import { EndpointError } from "@pb/transport";
import { CREDIT_QUERY } from "../link/web-socket-link.js";

/** The address of a WebSocket server. */
export interface WebSocketUrl {
  /** As it is passed to the WebSocket. */
  readonly href: string;
  /** Without the query, which may contain secrets, for logs and errors. */
  readonly description: string;
  readonly isEncrypted: boolean;
}

/** A `URL` of the platform, whose type a program without the types of a platform does not have. */
export interface UrlObject {
  readonly href: string;
  readonly protocol: string;
}

/** The schemes of a page stand for those of WebSockets, so that a page can pass its own address. */
const SCHEMES: Readonly<Record<string, string>> = { "ws:": "ws:", "wss:": "wss:", "http:": "ws:", "https:": "wss:" };

/**
 * Parses a URL. In a page or a worker, it may be relative to the page, such as `/pb`. Throws `EndpointError`. `credit`
 * adds the question for credit to its query.
 */
export function parseUrl(text: string | UrlObject, credit: boolean): WebSocketUrl {
  const given = typeof text === "string" ? text : text.href;
  const url = toUrl(given);
  const scheme = SCHEMES[url.protocol];
  if (scheme === undefined) throw new EndpointError(given, `scheme ${url.protocol}`, "expected ws: or wss:");
  if (url.hash !== "") throw new EndpointError(given, `fragment ${url.hash}`, "a WebSocket URL cannot have one");
  if (url.username !== "" || url.password !== "")
    // Not the text, which contains the password.
    throw new EndpointError(`${url.protocol}//${url.host}`, "user and password", "log in over the connection instead");
  url.protocol = scheme;
  const description = url.origin === "null" ? `${scheme}//${url.host}${url.pathname}` : url.origin + url.pathname;
  if (credit) url.search += url.search === "" ? `?${CREDIT_QUERY}` : `&${CREDIT_QUERY}`;
  return { href: url.href, description, isEncrypted: scheme === "wss:" };
}

function toUrl(text: string): URL {
  const { location } = globalThis as { readonly location?: { readonly href: string } };
  try {
    return new URL(text, location?.href);
  } catch {
    throw new EndpointError(text, "URL", "expected an absolute URL such as wss://example.org/pb");
  }
}
