// Parses endpoints that are URLs: `pb://` for TCP, `pbs://` for TLS, `pb+unix:` for a UNIX socket.

import { EndpointError } from "@pb/transport";
import { adviceFor } from "./endpoint-advice.js";
import { asciiHost } from "./host-name.js";

export interface UrlParts {
  readonly scheme: "pb" | "pbs" | "pb+unix";
  readonly host: string;
  readonly port: number | undefined;
  readonly path: string;
}

/**
 * Whether an endpoint is a URL. Text with any scheme followed by `://` counts as one, so that the error for it names
 * the schemes that are supported. Endpoint strings such as `tcp:host:port` have no slashes after the colon.
 */
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
    throw new EndpointError(
      text,
      `scheme ${JSON.stringify(scheme)}`,
      `expected pb, pbs or pb+unix${adviceFor(text, "client", 0)}`,
    );
  const path = decodePath(text, url.pathname);
  refuseUnusedParts(text, url);
  if (scheme === "pb+unix") checkUnix(text, url.host, path);
  else checkHostOnly(text, scheme, path);
  const host = decodeHost(text, url.hostname.replace(/^\[(.*)\]$/, "$1"));
  return { scheme, host, port: url.port === "" ? undefined : Number(url.port), path };
}

/** Parts of a URL that mean nothing here. */
function refuseUnusedParts(text: string, url: URL): void {
  if (url.username !== "" || url.password !== "")
    throw new EndpointError(text, "user name", "expected none: log in with @pb/cred (Foolscap URLs are not supported)");
  if (url.search !== "") throw new EndpointError(text, "query", "expected none");
  if (url.hash !== "") throw new EndpointError(text, "fragment", "expected none");
}

function checkUnix(text: string, host: string, path: string): void {
  if (host !== "") throw new EndpointError(text, `host ${JSON.stringify(host)}`, "expected none: pb+unix:/path");
  if (path.length < 2 || !path.startsWith("/"))
    throw new EndpointError(text, "path", "expected the absolute path of a socket");
}

function checkHostOnly(text: string, scheme: string, path: string): void {
  if (!text.includes("//")) {
    const meant = `${scheme}://${text.slice(scheme.length + 1)}`;
    throw new EndpointError(text, "scheme", `expected ${scheme}://host:port. Did you mean ${meant}?`);
  }
  if (path === "" || path === "/") return;
  const expected = "expected none: use getObject(name) to get an object";
  throw new EndpointError(text, `path ${JSON.stringify(path)}`, expected);
}

/** The host of a URL with an unknown scheme is in percent-encoding, not converted to ASCII. */
function decodeHost(text: string, host: string): string {
  try {
    const decoded = decodeURIComponent(host);
    if (decoded !== "") asciiHost(decoded, text, "host");
    return decoded;
  } catch (error) {
    throw error instanceof EndpointError ? error : new EndpointError(text, "host", "expected a host name");
  }
}

function decodePath(text: string, path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new EndpointError(text, "path", "expected UTF-8 in percent-encoding");
  }
}
