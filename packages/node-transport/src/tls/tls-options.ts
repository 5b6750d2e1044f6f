// TLS options: keys, certificates and authorities, as PEM text or as files, which are read when a connection or a
// server starts and on reload.

import type { OptionKinds } from "@pb/jelly-types";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { SecureContextOptions, SecureVersion } from "node:tls";

/** Text or bytes in PEM format. */
type Pem = string | Uint8Array;

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

/** Reads the files. Rejects with Node's error, which names the file. */
export async function secureContextOptions(tls: ClientTls & ServerTls): Promise<SecureContextOptions> {
  const [key, cert, chain, dhparam, authorities] = await Promise.all([
    tls.key ?? read(tls.keyFile),
    tls.cert ?? read(tls.certFile),
    read(tls.chainFile),
    read(tls.dhFile),
    readAuthorities(tls),
  ]);
  return {
    ...(key === undefined ? {} : { key: Buffer.from(key) }),
    ...(cert === undefined
      ? {}
      : { cert: Buffer.concat([Buffer.from(cert), Buffer.from("\n"), chain ?? Buffer.alloc(0)]) }),
    ...(dhparam === undefined ? {} : { dhparam }),
    ...(authorities === undefined ? {} : { ca: authorities }),
    minVersion: tls.minVersion ?? "TLSv1.2",
  };
}

/** The option `clientCertificates` with its default. */
export function clientCertificatesOf(tls: ServerTls): "none" | "optional" | "required" {
  return tls.clientCertificates ?? (tls.ca === undefined && tls.caDirectory === undefined ? "none" : "required");
}

async function readAuthorities({ ca, caDirectory }: CommonTls): Promise<Buffer[] | undefined> {
  if (ca === undefined && caDirectory === undefined) return undefined;
  const pems = ca === undefined ? [] : typeof ca === "string" || ca instanceof Uint8Array ? [ca] : ca;
  return [...pems.map((pem) => Buffer.from(pem)), ...(caDirectory === undefined ? [] : await readFolder(caDirectory))];
}

/** The files in a folder whose names end in `.pem`. If `path` is a file, that file. */
async function readFolder(path: string): Promise<Buffer[]> {
  const names = await readdir(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return undefined;
    throw error;
  });
  if (names === undefined) return [await readFile(path)];
  return Promise.all(names.filter((name) => name.endsWith(".pem")).map((name) => readFile(join(path, name))));
}

async function read(path: string | undefined): Promise<Buffer | undefined> {
  return path === undefined ? undefined : readFile(path);
}
