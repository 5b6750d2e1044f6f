// Endpoints as URLs: `pb://` for TCP, `pbs://` for TLS, `pb+unix:` for a socket in the file system.

import { EndpointError } from "./errors.js";

export interface UrlParts {
  readonly scheme: "pb" | "pbs" | "pb+unix";
  readonly host: string;
  readonly port: number | undefined;
  readonly path: string;
}

/** `tcp:` and its like have no slashes behind the colon; every other scheme is taken for a URL, to say what is wrong with it. */
export function isUrl(text: string): boolean {
  return /^(?:[a-z][a-z0-9+.-]*:\/\/|pbs?:|pb\+unix:)/i.test(text);
}

/** Throws {@link EndpointError}. */
export function urlParts(text: string): UrlParts {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined)
    throw new EndpointError(text, "the URL", "expected pb://host:port, pbs://host:port or pb+unix:/path");
  const scheme = url.protocol.slice(0, -1);
  if (scheme !== "pb" && scheme !== "pbs" && scheme !== "pb+unix")
    throw new EndpointError(text, `scheme ${JSON.stringify(scheme)}`, "expected pb, pbs or pb+unix");
  if (url.username !== "" || url.password !== "")
    throw new EndpointError(
      text,
      "user name",
      "expected none: log in with @pb/cred (a Foolscap URL names no Perspective Broker)",
    );
  for (const [part, value] of [
    ["query", url.search],
    ["fragment", url.hash],
  ] as const)
    if (value !== "") throw new EndpointError(text, part, "expected none");
  const path = decode(text, url.pathname);
  if (scheme === "pb+unix") {
    if (url.host !== "")
      throw new EndpointError(text, `host ${JSON.stringify(url.host)}`, "expected none: pb+unix:/path");
    if (path.length < 2 || !path.startsWith("/"))
      throw new EndpointError(text, "path", "expected the absolute path of a socket");
  } else if (path !== "" && path !== "/") {
    throw new EndpointError(
      text,
      `path ${JSON.stringify(path)}`,
      "expected none: an object is asked for by getObject(name)",
    );
  }
  if (!text.includes("//") && scheme !== "pb+unix")
    throw new EndpointError(text, "scheme", `expected ${scheme}://host:port`);
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return { scheme, host, port: url.port === "" ? undefined : Number(url.port), path };
}

function decode(text: string, path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new EndpointError(text, "path", "expected %XX to be UTF-8");
  }
}
