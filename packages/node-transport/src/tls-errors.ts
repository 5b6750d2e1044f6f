// What went wrong with TLS, in words that say what to do: Node and OpenSSL have a hundred codes for it.

import { ConnectError } from "./errors.js";
import type { ConnectErrorCode } from "./errors.js";

interface TlsFault extends Error {
  readonly code?: unknown;
  readonly reason?: string;
  /** Of a wrong name: what was wanted, and the certificate. */
  readonly host?: string;
  readonly cert?: { readonly subject?: { readonly CN?: string }; readonly subjectaltname?: string };
}

const codes: Readonly<Record<string, ConnectErrorCode>> = {
  ERR_TLS_CERT_ALTNAME_INVALID: "TLS_WRONG_NAME",
  CERT_HAS_EXPIRED: "TLS_EXPIRED",
  CERT_NOT_YET_VALID: "TLS_NOT_YET_VALID",
  UNABLE_TO_GET_ISSUER_CERT: "TLS_UNTRUSTED",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "TLS_UNTRUSTED",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "TLS_UNTRUSTED",
  DEPTH_ZERO_SELF_SIGNED_CERT: "TLS_UNTRUSTED",
  SELF_SIGNED_CERT_IN_CHAIN: "TLS_UNTRUSTED",
  CERT_UNTRUSTED: "TLS_UNTRUSTED",
  CERT_REVOKED: "TLS_UNTRUSTED",
  CERT_REJECTED: "TLS_UNTRUSTED",
  CERT_SIGNATURE_FAILURE: "TLS_UNTRUSTED",
  INVALID_CA: "TLS_UNTRUSTED",
  INVALID_PURPOSE: "TLS_UNTRUSTED",
  PATH_LENGTH_EXCEEDED: "TLS_UNTRUSTED",
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: "TLS_UNTRUSTED",
};

/** The error as a {@link ConnectError}, when it is one of TLS; else itself. `where` says with whom. */
export function explainTls(error: Error, where: string): Error {
  const { code, message, reason } = error as TlsFault;
  if (typeof code !== "string") return error;
  const known = codes[code];
  if (known === "TLS_WRONG_NAME") return new ConnectError(known, `${where}: ${wrongName(error)}`, { cause: error });
  if (known !== undefined)
    return new ConnectError(known, `${where}: ${sentences[known] ?? message} (${reason ?? message})`, { cause: error });
  // An alert is what the other end said about us; those about certificates are 42 to 48, and 116.
  if (
    /ALERT_(?:BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)|ALERT_NUMBER_(?:4[2-9]|116)/.test(
      code,
    )
  )
    return new ConnectError("TLS_REFUSED", `${where}: ${sentences.TLS_REFUSED!} (${message})`, { cause: error });
  if (code.startsWith("ERR_SSL_") || code === "EPROTO" || code.startsWith("ERR_TLS_"))
    return new ConnectError("TLS_FAILED", `${where}: ${sentences.TLS_FAILED!} (${message.trim()})`, { cause: error });
  return error;
}

function wrongName({ host, cert, message }: TlsFault): string {
  const names = cert?.subjectaltname ?? cert?.subject?.CN;
  if (host === undefined || names === undefined) return message;
  return `The server's certificate is for ${names}, not for ${host}`;
}

const sentences: Partial<Record<ConnectErrorCode, string>> = {
  TLS_EXPIRED: "The certificate has expired",
  TLS_NOT_YET_VALID: "The certificate is not valid yet; or a clock is wrong",
  TLS_UNTRUSTED: "There is no certificate of an authority that is trusted here",
  TLS_REFUSED: "The other end refused our certificate, or wants one",
  TLS_FAILED: "The other end does not speak TLS, or no version or cipher of ours",
};
