// Turns TLS errors of Node and OpenSSL, which have about a hundred codes, into a few `ConnectError`s.

import { printable } from "@pb/jelly-types";
import { ConnectError } from "@pb/transport";
import type { ConnectErrorCode } from "../errors.js";

/** The longest text of a cause, in UTF-16 code units. */
const LONGEST_CAUSE = 1_000;

/** The codes of TLS errors. */
type TlsErrorCode = Extract<ConnectErrorCode, `CONNECT_TLS_${string}`>;

/** A TLS error of Node. */
interface TlsError extends Error {
  readonly code?: unknown;
  readonly reason?: string;
  /** With `ERR_TLS_CERT_ALTNAME_INVALID`: the expected name and the certificate. */
  readonly host?: string;
  readonly cert?: { readonly subject?: { readonly CN?: string | readonly string[] }; readonly subjectaltname?: string };
}

const codes: Readonly<Record<string, TlsErrorCode>> = {
  ERR_TLS_CERT_ALTNAME_INVALID: "CONNECT_TLS_WRONG_NAME",
  CERT_HAS_EXPIRED: "CONNECT_TLS_EXPIRED",
  CERT_NOT_YET_VALID: "CONNECT_TLS_NOT_YET_VALID",
  UNABLE_TO_GET_ISSUER_CERT: "CONNECT_TLS_UNTRUSTED",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "CONNECT_TLS_UNTRUSTED",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "CONNECT_TLS_UNTRUSTED",
  DEPTH_ZERO_SELF_SIGNED_CERT: "CONNECT_TLS_UNTRUSTED",
  SELF_SIGNED_CERT_IN_CHAIN: "CONNECT_TLS_UNTRUSTED",
  CERT_UNTRUSTED: "CONNECT_TLS_UNTRUSTED",
  CERT_REVOKED: "CONNECT_TLS_UNTRUSTED",
  CERT_REJECTED: "CONNECT_TLS_UNTRUSTED",
  CERT_SIGNATURE_FAILURE: "CONNECT_TLS_UNTRUSTED",
  INVALID_CA: "CONNECT_TLS_UNTRUSTED",
  INVALID_PURPOSE: "CONNECT_TLS_UNTRUSTED",
  PATH_LENGTH_EXCEEDED: "CONNECT_TLS_UNTRUSTED",
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: "CONNECT_TLS_UNTRUSTED",
};

/**
 * Codes of alerts that the peer sends because of the certificate of this end: alerts 42 to 48, and 116 (RFC 8446,
 * section 6).
 */
const CERTIFICATE_ALERT =
  /ALERT_(?:BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)|ALERT_NUMBER_(?:4[2-9]|116)/;

/**
 * Converts a TLS error to a {@link ConnectError}. Returns any other error unchanged. `where` names the other end in the
 * message.
 */
export function explainTlsError(error: Error, where: string): Error {
  const { code, reason, message } = error as TlsError;
  if (typeof code !== "string") return error;
  const known = codes[code] ?? codeOfFamily(code);
  if (known === undefined) return error;
  if (known === "CONNECT_TLS_WRONG_NAME")
    return new ConnectError(known, `${where}: ${describeWrongName(error)}`, { cause: printableCause(error) });
  const text = `${sentences[known]} (${(reason ?? message).trim()})`;
  return new ConnectError(known, `${where}: ${text}`, { cause: error });
}

/**
 * The same for an error during a handshake, when a lost connection is a failed handshake as well. The reason of the
 * signal, if that has aborted, is returned unchanged.
 */
export function explainHandshakeError(error: unknown, where: string, signal?: AbortSignal): unknown {
  if (!(error instanceof Error) || error instanceof ConnectError || signal?.aborted === true) return error;
  const explained = explainTlsError(error, where);
  if (explained instanceof ConnectError) return explained;
  const text = `The connection was closed during the TLS handshake: does the other end speak TLS? (${error.message})`;
  return new ConnectError("CONNECT_TLS_FAILED", `${where}: ${text}`, { cause: error });
}

/** The code for a whole family of OpenSSL codes. */
function codeOfFamily(code: string): TlsErrorCode | undefined {
  if (CERTIFICATE_ALERT.test(code)) return "CONNECT_TLS_REFUSED";
  return code.startsWith("ERR_SSL_") || code.startsWith("ERR_TLS_") || code === "EPROTO"
    ? "CONNECT_TLS_FAILED"
    : undefined;
}

function describeWrongName({ host, cert, message }: TlsError): string {
  const names = cert?.subjectaltname ?? cert?.subject?.CN;
  if (host === undefined || names === undefined) return printable(message);
  return `The server's certificate is for ${printable([names].flat().join(", "))}, not for ${host}`;
}

/** The same error with a message that can be printed: Node repeats the names in a certificate as they are. */
function printableCause({ code, message, reason, host, cert }: TlsError): Error {
  return Object.assign(new Error(printable(message, LONGEST_CAUSE)), {
    ...{ code, host, cert },
    reason: reason === undefined ? undefined : printable(reason, LONGEST_CAUSE),
  });
}

const sentences: Readonly<Record<Exclude<TlsErrorCode, "CONNECT_TLS_WRONG_NAME">, string>> = {
  CONNECT_TLS_TIMEOUT: "The TLS handshake took too long",
  CONNECT_TLS_EXPIRED: "The certificate has expired",
  CONNECT_TLS_NOT_YET_VALID: "The certificate is not valid yet, or a clock is wrong",
  CONNECT_TLS_UNTRUSTED: "There is no certificate of a trusted authority",
  CONNECT_TLS_REFUSED: "The other end refused the certificate of this end, or requires one",
  CONNECT_TLS_FAILED: "The other end does not speak TLS, or has no version or cipher in common with this end",
};
