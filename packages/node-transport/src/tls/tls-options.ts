// TLS options: keys, certificates and authorities, as PEM text or as files.

import { checkOptions } from "@pb/jelly-types";
import type { OptionKinds } from "@pb/jelly-types";
import type { SecureVersion } from "node:tls";

/** Text or bytes in PEM format. */
export type Pem = string | Uint8Array;

interface CommonTls {
  /** The private key of this end. */
  readonly key?: Pem | undefined;
  /** The certificate of this end, followed by its intermediate certificates. */
  readonly cert?: Pem | undefined;
  /** Files in place of `key` and `cert`. */
  readonly keyFile?: string | undefined;
  readonly certFile?: string | undefined;
  /** Trusted authorities. Default: those that Node trusts. */
  readonly ca?: Pem | readonly Pem[] | undefined;
  /** A folder of trusted authorities, one in every file whose name ends in `.pem`, or one such file. */
  readonly caDirectory?: string | undefined;
  /** Default `TLSv1.2`. */
  readonly minVersion?: SecureVersion | undefined;
  /** Protocols for ALPN, in order of preference. Default: no ALPN. The connection does not depend on the result. */
  readonly alpnProtocols?: readonly string[] | undefined;
}

/** TLS options of a client. */
export interface ClientTls extends CommonTls {
  /**
   * The name that the certificate of the server must contain. It is also sent to the server (SNI). Default: the host.
   */
  readonly serverName?: string | undefined;
  /**
   * False accepts any certificate, so that anyone can impersonate the server: only for experiments. `peer.isEncrypted`
   * is then false unless the certificate is good nevertheless. Default true.
   */
  readonly verify?: boolean | undefined;
}

/** TLS options of a server. */
export interface ServerTls extends CommonTls {
  /** A file with the intermediate certificates between `certFile` and its authority. */
  readonly chainFile?: string | undefined;
  /** A file with Diffie-Hellman parameters for the old DHE ciphers. Default: these ciphers are not offered. */
  readonly dhFile?: string | undefined;
  /**
   * Whether clients need a certificate. `required`: the handshake fails without a certificate of an authority in `ca`
   * or `caDirectory`. `optional`: `peer.certificate.isTrusted` says whether there is one. Default: `required` if `ca`
   * or `caDirectory` is given, otherwise `none`.
   */
  readonly clientCertificates?: "none" | "optional" | "required" | undefined;
}

const commonKinds: OptionKinds<CommonTls> = {
  key: "any",
  cert: "any",
  keyFile: "string",
  certFile: "string",
  ca: "any",
  caDirectory: "string",
  minVersion: ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"],
  alpnProtocols: "list",
};

export const clientTlsKinds: OptionKinds<ClientTls> = { ...commonKinds, serverName: "string", verify: "boolean" };

export const serverTlsKinds: OptionKinds<ServerTls> = {
  ...commonKinds,
  chainFile: "string",
  dhFile: "string",
  clientCertificates: ["none", "optional", "required"],
};

/**
 * Throws `TypeError` for an unknown option, and for a value of the wrong kind. A key or a certificate is only checked
 * when it is used.
 */
export function checkTlsOptions<T extends CommonTls>(tls: T | undefined, kinds: OptionKinds<T>): void {
  checkOptions<T>(tls, kinds);
  if (tls === undefined) return;
  for (const name of ["key", "cert", "ca"] as const) {
    const value: unknown = tls[name];
    const values: unknown[] = name === "ca" && Array.isArray(value) ? value : [value];
    if (!values.every((each) => each === undefined || typeof each === "string" || each instanceof Uint8Array))
      throw new TypeError(`The option ${name} must be text or bytes in PEM format`);
  }
  for (const name of ["keyFile", "certFile", "chainFile", "dhFile", "caDirectory", "serverName"] as const) {
    const value = (tls as ClientTls & ServerTls)[name];
    if (value === "" || value?.includes("\0") === true)
      throw new TypeError(`The option ${name} must not be empty, or contain a NUL`);
  }
  // Node would end the process for an empty name.
  if (tls.alpnProtocols?.every(isProtocolName) === false)
    throw new TypeError("The option alpnProtocols must be a list of names of 1 to 255 bytes");
}

function isProtocolName(name: unknown): boolean {
  return typeof name === "string" && name !== "" && Buffer.byteLength(name) <= 255;
}

/** The option `clientCertificates` with its default. */
export function clientCertificatesOf(tls: ServerTls): "none" | "optional" | "required" {
  return tls.clientCertificates ?? (tls.ca === undefined && tls.caDirectory === undefined ? "none" : "required");
}
