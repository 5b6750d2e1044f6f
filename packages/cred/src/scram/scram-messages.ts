// Writes and reads the four messages of SCRAM (RFC 5802 sections 5 and 7). Every read function throws a LoginFailed for
// malformed input.

import type { ChannelBindingType } from "@pb/broker/extension";
import { bytesOf, concat, fromBase64, randomBytes, textOf, toBase64 } from "../bytes.js";
import { malformedLogin } from "../errors.js";
import type { LoginFailed } from "../errors.js";
import { LONGEST_NAME } from "../limits.js";

/**
 * The longest message that is read, in bytes or UTF-16 code units: names, nonces, salts and channel bindings are all
 * short.
 */
const LONGEST_MESSAGE = 8192;

/** The supported types of channel binding, the strongest first. */
export const bindingTypes: readonly ChannelBindingType[] = ["tls-exporter", "tls-server-end-point"];

/**
 * The channel binding flag of the client (RFC 5802 section 6): `p=` and a type when the login is bound to the
 * connection, `y` when the client could bind it but believes that the server cannot, `n` when the client cannot.
 */
export type BindingFlag = `p=${string}` | "y" | "n";

/** The first message of the client. */
export interface ClientFirst {
  readonly binding: BindingFlag;
  readonly username: string;
  readonly nonce: string;
  /** The message without its GS2 header, which is part of the signed text. */
  readonly bare: string;
  /** The GS2 header: `p=tls-exporter,,`. */
  readonly header: string;
}

/** The first message of the server. */ export interface ServerFirst {
  readonly nonce: string;
  readonly salt: Uint8Array;
  readonly iterations: number;
}

/** The last message of the client. */
export interface ClientFinal {
  /** The GS2 header, followed by the bytes of the channel binding. */
  readonly channel: Uint8Array;
  readonly nonce: string;
  readonly proof: Uint8Array;
  /** The message without its proof, which is part of the signed text. */
  readonly withoutProof: string;
}

/** Returns 24 random bytes in base64. */
export function newNonce(): string {
  return toBase64(randomBytes(24));
}

/** The name is not normalized, as in PB's own login: a user has the same name in both. */
export function writeClientFirst(binding: BindingFlag, username: string, nonce: string): ClientFirst {
  const name = username.replaceAll("=", "=3D").replaceAll(",", "=2C");
  return { binding, username, nonce, bare: `n=${name},r=${nonce}`, header: `${binding},,` };
}

export function readClientFirst(message: unknown): ClientFirst {
  const text = read(message);
  const match =
    /^(?<header>(?<binding>y|n|p=[A-Za-z0-9.-]+),(?:a=(?<authzid>[^,]+))?,)(?<bare>n=(?<name>[^,]+),r=(?<nonce>[^,]+)(?:,[A-Za-z]=[^,]*)*)$/u.exec(
      text,
    );
  const { header, binding, authzid, bare, name, nonce } = match?.groups ?? {};
  const username = unescape(name);
  if (header === undefined || bare === undefined || username === undefined || !isNonce(nonce)) throw malformed();
  // An authorization identity (`authzid`) other than the user name is not supported.
  if (username.length > LONGEST_NAME || unescape(authzid ?? name) !== username) throw malformed();
  return { binding: binding as BindingFlag, username, nonce, bare, header };
}

export function writeServerFirst({ nonce, salt, iterations }: ServerFirst): string {
  return `r=${nonce},s=${toBase64(salt)},i=${iterations}`;
}

export function readServerFirst(message: unknown): ServerFirst & { readonly text: string } {
  const text = read(message);
  const match = /^r=(?<nonce>[^,]+),s=(?<salt>[^,]+),i=(?<iterations>[1-9][0-9]{0,9})(?:,[A-Za-z]=[^,]*)*$/u.exec(text);
  const { nonce, salt, iterations } = match?.groups ?? {};
  const bytes = salt === undefined ? undefined : fromBase64(salt);
  if (!isNonce(nonce) || bytes === undefined) throw malformed();
  return { nonce, salt: bytes, iterations: Number(iterations), text };
}

/** The last message of the client without its proof. */
export function finalWithoutProof(channel: Uint8Array, nonce: string): string {
  return `c=${toBase64(channel)},r=${nonce}`;
}

export function writeClientFinal(withoutProof: string, proof: Uint8Array): string {
  return `${withoutProof},p=${toBase64(proof)}`;
}

export function readClientFinal(message: unknown): ClientFinal {
  const text = read(message);
  const match = /^(?<withoutProof>c=(?<channel>[^,]+),r=(?<nonce>[^,]+)(?:,[A-Za-z]=[^,]*)*?),p=(?<proof>[^,]+)$/u.exec(
    text,
  );
  const { withoutProof, channel, nonce, proof } = match?.groups ?? {};
  const bytes = channel === undefined ? undefined : fromBase64(channel);
  const proven = proof === undefined ? undefined : fromBase64(proof);
  if (withoutProof === undefined || bytes === undefined || proven === undefined || !isNonce(nonce)) throw malformed();
  return { channel: bytes, nonce, proof: proven, withoutProof };
}

export function writeServerFinal(signature: Uint8Array): string {
  return `v=${toBase64(signature)}`;
}

export function readServerFinal(message: unknown): Uint8Array {
  const { signature } = /^v=(?<signature>[^,]+)(?:,[A-Za-z]=[^,]*)*$/u.exec(read(message))?.groups ?? {};
  const bytes = signature === undefined ? undefined : fromBase64(signature);
  if (bytes === undefined) throw malformed();
  return bytes;
}

/** `AuthMessage`: the messages of both sides, which both sides sign. */
export function authMessage(clientFirstBare: string, serverFirst: string, clientFinalWithoutProof: string): string {
  return `${clientFirstBare},${serverFirst},${clientFinalWithoutProof}`;
}

/**
 * The channel binding input that the proof covers: the GS2 header and, with the flag `p=`, the binding of the
 * connection.
 */
export function channelOf({ header }: Pick<ClientFirst, "header">, binding: Uint8Array | undefined): Uint8Array {
  return concat(bytesOf(header), binding ?? new Uint8Array());
}

function read(message: unknown): string {
  const length = typeof message === "string" || message instanceof Uint8Array ? message.length : Infinity;
  const text = length > LONGEST_MESSAGE ? undefined : textOf(message);
  if (text === undefined) throw malformed();
  return text;
}

function isNonce(nonce: string | undefined): nonce is string {
  return nonce !== undefined && /^[\x21-\x2b\x2d-\x7e]+$/.test(nonce);
}

/** Decodes a name: `=2C` is a comma and `=3D` an equals sign. Returns undefined for any other use of an equals sign. */
function unescape(name: string | undefined): string | undefined {
  if (name === undefined || /=(?!2C|3D)/.test(name)) return undefined;
  return name.replaceAll("=2C", ",").replaceAll("=3D", "=");
}

function malformed(): LoginFailed {
  return malformedLogin("Malformed SCRAM message");
}
