// Keys, certificates and authorities: given as PEM, or as files that are read when a connection or a server starts, and again on reload.

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { SecureContextOptions, SecureVersion } from "node:tls";

type Pem = string | Uint8Array;

interface CommonTls {
  /** Our private key, and our certificate with those that lead to its authority. */
  readonly key?: Pem | undefined;
  readonly cert?: Pem | undefined;
  readonly keyFile?: string | undefined;
  readonly certFile?: string | undefined;
  /** Whom to trust. Default: what Node trusts. */
  readonly ca?: Pem | readonly Pem[] | undefined;
  /** A folder: every file in it that ends in `.pem` is an authority. Or one such file. */
  readonly caDirectory?: string | undefined;
  /** Default `TLSv1.2`. */
  readonly minVersion?: SecureVersion | undefined;
  /** Protocols to agree on by ALPN. Default: none are offered, and nothing depends on it. */
  readonly alpnProtocols?: readonly string[] | undefined;
}

/** How a client speaks TLS. */
export interface ClientTls extends CommonTls {
  /** The name the server's certificate must be for, which is also told to the server (SNI). Default: the host. */
  readonly serverName?: string | undefined;
  /** False accepts anyone as the server: for experiments, never for passwords. Default true. */
  readonly verify?: boolean | undefined;
}

/** How a server speaks TLS. */
export interface ServerTls extends CommonTls {
  /** Certificates between ours and its authority. */
  readonly chainFile?: string | undefined;
  /** Parameters for the old DHE ciphers. Default: they are not offered. */
  readonly dhFile?: string | undefined;
  /**
   * Whether clients show a certificate. `required`: one of an authority in `ca`, or the handshake fails. `optional`: `peer.certificate` says whether
   * it is trusted. Default: `required` when `ca` or `caDirectory` is given, else `none`.
   */
  readonly clientCertificates?: "none" | "optional" | "required" | undefined;
}

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

export function wantsClientCertificates(tls: ServerTls): "none" | "optional" | "required" {
  return tls.clientCertificates ?? (tls.ca === undefined && tls.caDirectory === undefined ? "none" : "required");
}

async function readAuthorities({ ca, caDirectory }: CommonTls): Promise<Buffer[] | undefined> {
  if (ca === undefined && caDirectory === undefined) return undefined;
  const given = ca === undefined ? [] : typeof ca === "string" || ca instanceof Uint8Array ? [ca] : ca;
  return [...given.map((pem) => Buffer.from(pem)), ...(caDirectory === undefined ? [] : await readFolder(caDirectory))];
}

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
