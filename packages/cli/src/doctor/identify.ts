// Tells protocols apart by the first bytes that a server sends.

import { BananaError, none, Scanner } from "@pb/banana";
import { printable } from "@pb/jelly-types";

/** A protocol, as `--json` names it. */
export type Protocol =
  | "pb"
  | "tls"
  | "http"
  | "websocket"
  | "ssh"
  | "smtp"
  | "ftp"
  | "imap"
  | "pop3"
  | "vnc"
  | "mysql"
  | "silent"
  | "unknown";

/** What the first bytes say. */
export interface Identity {
  readonly protocol: Protocol;
  /** A sentence about it. */
  readonly text: string;
  /** The dialects that a server of Perspective Broker offers. */
  readonly dialects?: readonly string[];
}

/** Bytes after which a server that speaks first is known, or never will be. */
export const MOST_BYTES = 4_096;

/** What text protocols begin with. */
const greetings: readonly (readonly [RegExp, Protocol, string])[] = [
  [/^SSH-/, "ssh", "an SSH server"],
  [/^220[ -][^\n]*\b(E?SMTP|mail)\b/i, "smtp", "a mail server (SMTP)"],
  [/^220[ -][^\n]*\bFTP\b/i, "ftp", "an FTP server"],
  [/^220[ -][^\n]*\n/, "smtp", "a server that greets like SMTP or FTP"],
  [/^\* (OK|PREAUTH) /, "imap", "a mail server (IMAP)"],
  [/^\+OK /, "pop3", "a mail server (POP3)"],
  [/^RFB \d/, "vnc", "a VNC server"],
  [/^HTTP\/\d/, "http", "an HTTP server"],
];

/**
 * What the bytes are the beginning of. Undefined if more are needed; with `isAll`, no more will arrive.
 */
export function identify(bytes: Uint8Array, isAll: boolean): Identity | undefined {
  const text = Buffer.from(bytes).toString("latin1");
  for (const [pattern, protocol, name] of greetings) {
    if (pattern.test(text)) return { protocol, text: `This is ${name}: ${shown(text)}` };
  }
  if (bytes[0] === 0x15 && bytes[1] === 0x03) return { protocol: "tls", text: "This is a server for TLS" };
  if (bytes[3] === 0 && bytes[4] === 0x0a) return { protocol: "mysql", text: "This is a MySQL server" };
  return offer(bytes) ?? (isAll || bytes.length >= MOST_BYTES ? unknown(bytes, text) : undefined);
}

function unknown(bytes: Uint8Array, text: string): Identity {
  if (bytes.length === 0) return { protocol: "silent", text: "The server says nothing" };
  return { protocol: "unknown", text: `The server sends what is not Perspective Broker: ${shown(text)}` };
}

/** A server of Perspective Broker begins with a list of dialects. */
function offer(bytes: Uint8Array): Identity | undefined {
  const scanner = new Scanner({ dialect: none, limits: { expressionBytes: MOST_BYTES } });
  scanner.push(bytes);
  try {
    const first = scanner.next();
    if (!Array.isArray(first) || first.length === 0 || !first.every((name) => name instanceof Uint8Array))
      return undefined;
    const dialects = first.map((name) => printable(Buffer.from(name).toString(), 40));
    return { protocol: "pb", text: `This is Perspective Broker, dialects ${dialects.join(", ")}`, dialects };
  } catch (error) {
    if (error instanceof BananaError) return undefined;
    throw error;
  }
}

function shown(text: string): string {
  return printable(JSON.stringify(text.slice(0, 80).replace(/\r?\n[^]*$/, "")));
}
