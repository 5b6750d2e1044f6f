// Reads and checks keys, certificates and authorities, when a connection or a server starts and on reload. Node would
// report a bad one without its name, or only in every handshake.

import { createPrivateKey, X509Certificate } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { SecureContextOptions } from "node:tls";
import { TlsOptionError } from "../errors.js";
import type { ClientTls, Pem, ServerTls } from "./tls-options.js";

type Tls = ClientTls & ServerTls;

/** Options that name files, and their names in endpoint strings. */
const fileOptions = {
  keyFile: "privateKey",
  certFile: "certKey, certificate",
  chainFile: "extraCertChain",
  dhFile: "dhParameters",
  caDirectory: "caCertsDir, trustRoots",
} as const;

/** The bytes of an option, and the option and file that they are from, for errors. */
interface Material {
  readonly bytes: Buffer;
  readonly option: string;
  readonly where: string;
}

/**
 * Reads the files, and checks what is in them. Rejects with {@link TlsOptionError}, which names the option and the
 * file, and with `TypeError` for a key without a certificate, or the reverse.
 */
export async function secureContextOptions(tls: Tls): Promise<SecureContextOptions> {
  const [key, cert, chain, dhparam, ca] = await allInOrder([
    given("key", tls.key) ?? read("keyFile", tls.keyFile),
    given("cert", tls.cert) ?? read("certFile", tls.certFile),
    read("chainFile", tls.chainFile),
    read("dhFile", tls.dhFile),
    readAuthorities(tls),
  ]);
  if ((key === undefined) !== (cert === undefined))
    throw new TypeError("A private key and a certificate belong together: set tls: { keyFile, certFile }");
  checkPair(key, cert);
  if (chain !== undefined) requireCertificates(chain);
  if (dhparam?.bytes.includes("-----BEGIN DH PARAMETERS-----") === false)
    throw invalid(dhparam, "contains no Diffie-Hellman parameters in PEM format");
  return {
    ...(key === undefined ? {} : { key: key.bytes }),
    ...(cert === undefined
      ? {}
      : { cert: Buffer.concat([cert.bytes, Buffer.from("\n"), chain?.bytes ?? Buffer.alloc(0)]) }),
    ...(dhparam === undefined ? {} : { dhparam: dhparam.bytes }),
    ...(ca === undefined ? {} : { ca }),
    minVersion: tls.minVersion ?? "TLSv1.2",
  };
}

/** The same for a server. Rejects with `TypeError` without a key: every handshake would fail, and only then. */
export async function serverContextOptions(tls: ServerTls): Promise<SecureContextOptions> {
  if ((tls.key ?? tls.keyFile) === undefined || (tls.cert ?? tls.certFile) === undefined)
    throw new TypeError("A TLS server needs a private key and a certificate: set tls: { keyFile, certFile }");
  return secureContextOptions(tls);
}

function checkPair(key: Material | undefined, cert: Material | undefined): void {
  const privateKey = key === undefined ? undefined : readKey(key);
  const certificates = cert === undefined ? [] : requireCertificates(cert);
  if (cert === undefined || privateKey === undefined || certificates[0]!.checkPrivateKey(privateKey)) return;
  throw invalid(key!, `is not the key of the first certificate in ${cert.where}`);
}

function readKey(key: Material): KeyObject {
  try {
    return createPrivateKey(key.bytes);
  } catch (error) {
    const isEncrypted = key.bytes.includes("ENCRYPTED");
    const text = isEncrypted
      ? "is encrypted: decrypt it, for example with openssl pkey, and protect it by the mode of its file"
      : "contains no private key in PEM format";
    throw invalid(key, text, error);
  }
}

/** The certificates in a file: at least one. */
function requireCertificates(material: Material): X509Certificate[] {
  const blocks = pemCertificates(material.bytes);
  if (blocks.length === 0) throw invalid(material, "contains no certificate in PEM format");
  return blocks.map((block) => {
    try {
      return new X509Certificate(block);
    } catch (error) {
      throw invalid(material, "contains a certificate that cannot be read", error);
    }
  });
}

function pemCertificates(bytes: Buffer): string[] {
  return (
    bytes.toString("latin1").match(/-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^-]*(?:-----END|$)[^\n]*/g) ?? []
  );
}

async function readAuthorities({ ca, caDirectory }: Tls): Promise<Buffer[] | undefined> {
  if (ca === undefined && caDirectory === undefined) return undefined;
  const pems = ca === undefined ? [] : typeof ca === "string" || ca instanceof Uint8Array ? [ca] : ca;
  const given = pems.map((pem) => ({ bytes: Buffer.from(pem), option: "ca", where: "The option ca" }));
  for (const each of given) requireCertificates(each);
  const authorities = [...given, ...(caDirectory === undefined ? [] : await readFolder(caDirectory))];
  if (authorities.length === 0)
    throw new TlsOptionError("TLS_OPTION_INVALID", "ca", "The option ca contains no certificate");
  return authorities.map(({ bytes }) => bytes);
}

/**
 * The certificates in a folder, in files whose names end in `.pem`, or those in a single file. As in Twisted, other
 * files in the folder are ignored, also those with a key.
 */
async function readFolder(path: string): Promise<Material[]> {
  const names = await readdir(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return undefined;
    throw unreadable("caDirectory", path, error);
  });
  if (names === undefined) {
    const file = await readOne("caDirectory", path);
    requireCertificates(file);
    return [file];
  }
  const paths = names.filter((name) => name.endsWith(".pem")).map((name) => join(path, name));
  const files = await allInOrder(paths.sort().map((file) => readOne("caDirectory", file)));
  const authorities = files.filter(({ bytes }) => pemCertificates(bytes).length > 0);
  for (const each of authorities) requireCertificates(each);
  if (authorities.length > 0) return authorities;
  const text = "contains no certificate in a file whose name ends in .pem";
  throw invalid({ option: "caDirectory", where: placeOf("caDirectory", path) }, text);
}

/** Like `Promise.all`, but the error is that of the first in the list, whichever is known first. */
async function allInOrder<T extends readonly unknown[]>(all: T): Promise<{ -readonly [I in keyof T]: Awaited<T[I]> }> {
  await Promise.allSettled(all);
  return Promise.all(all);
}

function given(option: string, pem: Pem | undefined): Material | undefined {
  return pem === undefined ? undefined : { bytes: Buffer.from(pem), option, where: `The option ${option}` };
}

async function read(option: keyof typeof fileOptions, path: string | undefined): Promise<Material | undefined> {
  return path === undefined ? undefined : readOne(option, path);
}

async function readOne(option: keyof typeof fileOptions, path: string): Promise<Material> {
  try {
    return { bytes: await readFile(path), option, where: placeOf(option, path) };
  } catch (error) {
    throw unreadable(option, path, error);
  }
}

function placeOf(option: keyof typeof fileOptions, path: string): string {
  return `${JSON.stringify(path)}, the option ${option} (in an endpoint string: ${fileOptions[option]}),`;
}

function invalid(material: Pick<Material, "option" | "where">, text: string, cause?: unknown): TlsOptionError {
  return new TlsOptionError("TLS_OPTION_INVALID", material.option, `${material.where} ${text}`, { cause });
}

function unreadable(option: keyof typeof fileOptions, path: string, cause: unknown): TlsOptionError {
  // The default of the endpoint, as in Twisted. A program that has named no files does not know it.
  const isDefault = path === "server.pem" && (option === "keyFile" || option === "certFile");
  const advice = isDefault ? ". Name your own files: ssl:8787:privateKey=key.pem:certKey=cert.pem" : "";
  const text = `${placeOf(option, path)} cannot be read: ${(cause as Error).message}${advice}`;
  return new TlsOptionError("TLS_OPTION_UNREADABLE", option, text, { cause });
}
