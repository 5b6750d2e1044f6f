// The four messages of SCRAM, written and read (RFC 5802 sections 5 and 7). Whatever a peer sends, reading gives a value or a LoginFailed.

import { bytesOf, fromBase64, randomBytes, textOf, toBase64 } from "./bytes.js";
import { LoginFailed } from "./errors.js";
import { LONGEST_NAME } from "./limits.js";

/** Longest message read: names, nonces and salts are short, and channel bindings too. */
const LONGEST_MESSAGE = 8192;

/** What the client says about the channel: bound to it, no need seen ("the server has none"), not able. */
export type Binding = `p=${string}` | "y" | "n";

export interface ClientFirst {
  readonly binding: Binding;
  readonly username: string;
  readonly nonce: string;
  /** The message without its GS2 header, for the proof. */
  readonly bare: string;
  /** `p=tls-exporter,,` */
  readonly header: string;
}

export interface ServerFirst {
  readonly nonce: string;
  readonly salt: Uint8Array;
  readonly iterations: number;
}

export interface ClientFinal {
  /** The GS2 header and the bytes of the channel binding. */
  readonly channel: Uint8Array;
  readonly nonce: string;
  readonly proof: Uint8Array;
  /** The message without its proof, for the proof. */
  readonly withoutProof: string;
}

/** 24 bytes nobody can foresee, in letters that a message may hold. */
export function newNonce(): string {
  return toBase64(randomBytes(24));
}

/** The name goes as it is, as in PB's own login: one user has one name, whichever way they log in. */
export function writeClientFirst(binding: Binding, username: string, nonce: string): ClientFirst {
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
  // Acting as somebody else (authzid) is for the application to offer, once it is known who asks.
  if (username.length > LONGEST_NAME || unescape(authzid ?? name) !== username) throw malformed();
  return { binding: binding as Binding, username, nonce, bare, header };
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

/** What the client's last message says, beside the proof. */
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

/** Everything both sides said, as both sides sign it. */
export function authMessage(clientFirstBare: string, serverFirst: string, clientFinalWithoutProof: string): string {
  return `${clientFirstBare},${serverFirst},${clientFinalWithoutProof}`;
}

/** What the proof covers of the channel: the header, and with `p=` the bytes that only this channel has. */
export function channelOf({ header }: Pick<ClientFirst, "header">, data: Uint8Array | undefined): Uint8Array {
  const start = bytesOf(header);
  const channel = new Uint8Array(start.length + (data?.length ?? 0));
  channel.set(start);
  channel.set(data ?? [], start.length);
  return channel;
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

/** `=2C` is a comma and `=3D` an equals sign; no other equals sign may stand in a name. */
function unescape(name: string | undefined): string | undefined {
  if (name === undefined || /=(?!2C|3D)/.test(name)) return undefined;
  return name.replaceAll("=2C", ",").replaceAll("=3D", "=");
}

function malformed(): LoginFailed {
  return new LoginFailed("This is no message of SCRAM", { code: "LOGIN_MALFORMED" });
}
