// Internationalized host names (RFC 5890).

import { EndpointError } from "@pb/transport";
import { isIP } from "node:net";
import { domainToASCII } from "node:url";

/** The most characters of a host name (RFC 1035, section 2.3.4). */
const LONGEST_NAME = 253;

/**
 * The form of a host name that is looked up and that a certificate contains: `xn--bcher-kva.example` for
 * `bücher.example`. Addresses and names in ASCII stay as they are. Throws {@link EndpointError} for a name that has no
 * such form; `endpoint` and `part` name it in the error.
 */
export function asciiHost(host: string, endpoint: string, part: string): string {
  if (isIP(host) !== 0) return host;

  const ascii = /[\0-\x20:/?#@[\]\\\x7f]/.test(host) ? "" : /^[!-~]+$/.test(host) ? host : domainToASCII(host);
  if (ascii === "" || ascii.length > LONGEST_NAME) {
    const shown = JSON.stringify(host.slice(0, LONGEST_NAME));
    throw new EndpointError(
      endpoint,
      `${part} ${shown}`,
      "expected a host name or an address, without port or brackets",
    );
  }
  return ascii;
}
