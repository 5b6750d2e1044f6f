// Tells what a peer speaks that does not speak Banana, so that the error can say it.

import { toLatin1 } from "../format/bytes.js";

/** More bytes are not needed to know. */
export const STRANGER_BYTES = 8;

/**
 * What the first bytes of a stream are, if they are something well known: "an HTTP request", "a TLS hello", … No offer and no choice of a
 * dialect begins like any of these: they would be strings of more than 2,000 characters.
 */
export function describeStranger(first: Uint8Array): string | undefined {
  const text = toLatin1(first);
  const [kind, major, minor] = first;
  if (/^(GET|PUT|POST|HEAD|PATCH|TRACE|DELETE|OPTIONS|CONNECT) /.test(text)) return "an HTTP request";
  if (text.startsWith("PRI * HT")) return "an HTTP/2 request";
  if (text.startsWith("HTTP/")) return "an HTTP response";
  if (text.startsWith("SSH-")) return "an SSH greeting";
  if ((kind === 0x15 || kind === 0x16) && major === 3 && minor! <= 4)
    return kind === 0x16 ? "a TLS hello" : "a TLS alert";
  return undefined;
}
