// Internationalized host names (RFC 5890).

import { EndpointError } from "@pb/transport";
import { isIP } from "node:net";
import { domainToASCII } from "node:url";

/**
 * The form of a host name that is looked up and that a certificate contains: `xn--bcher-kva.example` for
 * `bücher.example`. Addresses and names in ASCII stay as they are. Throws {@link EndpointError} for a name that has no
 * such form; `endpoint` and `part` name it in the error.
 */
export function asciiHost(host: string, endpoint: string, part: string): string {
  // eslint-disable-next-line no-control-regex -- all of ASCII
  if (isIP(host) !== 0 || /^[\x01-\x7f]*$/.test(host)) return host;
  const ascii = host.includes("\0") ? "" : domainToASCII(host);
  if (ascii === "") throw new EndpointError(endpoint, `${part} ${JSON.stringify(host)}`, "expected a host name");
  return ascii;
}
