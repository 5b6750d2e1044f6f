// Recognizes other protocols by their first bytes, for the error message.

import { toLatin1 } from "../format/bytes.js";

/** The number of bytes that {@link sniffProtocol} needs. */
export const SNIFFED_BYTES = 8;

/**
 * Describes the first bytes of a stream when they belong to a well-known protocol: "an HTTP request", "a TLS hello".
 * Returns undefined otherwise. No message of a negotiation starts with these bytes: it would contain a string of more
 * than 2,000 characters.
 */
export function sniffProtocol(first: Uint8Array): string | undefined {
  const text = toLatin1(first);
  const [kind, major, minor] = first;
  if (/^(GET|PUT|POST|HEAD|PATCH|TRACE|DELETE|OPTIONS|CONNECT) /.test(text)) return "an HTTP request";
  if (text.startsWith("PRI * HT")) return "an HTTP/2 request";
  if (text.startsWith("HTTP/")) return "an HTTP response";
  if (/^(PROXY |\r\n\r\n\0\r\nQ)/.test(text)) return "a header of the PROXY protocol";
  if (text.startsWith("SSH-")) return "an SSH greeting";
  if ((kind === 0x15 || kind === 0x16) && major === 3 && minor! <= 4)
    return kind === 0x16 ? "a TLS hello" : "a TLS alert";
  return undefined;
}
