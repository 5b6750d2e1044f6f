// A certificate authority for tests: real certificates, made on the spot with nothing but Node.

import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { isIP } from "node:net";

export interface Certificate {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

export interface CertificateOptions {
  /** The names and addresses that the certificate is valid for. If there are none, it has no extension for them. */
  readonly names?: readonly string[];
  readonly validFrom?: Date;
  readonly validTo?: Date;
}

const DAY = 86_400_000;

export class Authority implements Certificate {
  readonly #name: string;
  readonly #keys: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
  readonly cert: string;
  readonly key: string;

  constructor(name: string) {
    this.#name = name;
    this.#keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.key = pemOf(this.#keys.privateKey);
    this.cert = this.#certify(
      name,
      this.#keys.publicKey,
      [extension(BASIC_CONSTRAINTS, true, sequence(boolean(true)))],
      {},
    );
  }

  /** Issues a certificate with one or more common names, and its private key. */
  issue(
    name: string | readonly string[],
    { names = [name].flat(), ...validity }: CertificateOptions = {},
  ): Certificate {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const alternatives = sequence(...names.map(alternativeName));
    const extensions = names.length === 0 ? [] : [extension(SUBJECT_ALTERNATIVE_NAME, false, alternatives)];
    return {
      cert: this.#certify(name, publicKey, extensions, validity),
      key: pemOf(privateKey),
    };
  }

  #certify(
    name: string | readonly string[],
    publicKey: KeyObject,
    extensions: Buffer[],
    { validFrom, validTo }: CertificateOptions,
  ): string {
    const now = Date.now();
    const body = sequence(
      value(0xa0, integer(Buffer.from([2]))), // version 3
      integer(Buffer.concat([Buffer.from([0x01]), randomBytes(15)])),
      ECDSA_WITH_SHA256,
      distinguishedName(this.#name),
      sequence(time(validFrom ?? new Date(now - DAY)), time(validTo ?? new Date(now + 30 * DAY))),
      distinguishedName(name),
      publicKey.export({ type: "spki", format: "der" }),
      ...(extensions.length === 0 ? [] : [value(0xa3, sequence(...extensions))]),
    );
    const signature = sign("sha256", body, this.#keys.privateKey);
    const der = sequence(body, ECDSA_WITH_SHA256, value(0x03, Buffer.from([0]), signature));
    const lines = der.toString("base64").match(/.{1,64}/g)!;
    return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
  }
}

export function derOf(pem: string): Buffer {
  return Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ""), "base64");
}

function pemOf(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }) as string;
}

// DER (X.690), the parts that a certificate uses (RFC 5280)

function value(tag: number, ...contents: Buffer[]): Buffer {
  const body = Buffer.concat(contents);
  const length = body.length;
  const header = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...header]), body]);
}

function sequence(...contents: Buffer[]): Buffer {
  return value(0x30, ...contents);
}

function integer(bytes: Buffer): Buffer {
  return value(0x02, bytes);
}

function boolean(isTrue: boolean): Buffer {
  return value(0x01, Buffer.from([isTrue ? 0xff : 0]));
}

function identifier(hex: string): Buffer {
  return value(0x06, Buffer.from(hex, "hex"));
}

/** UTCTime, such as `260131120000Z`, which is valid until 2049. */
function time(date: Date): Buffer {
  return value(0x17, Buffer.from(`${date.toISOString().replace(/\D/g, "").slice(2, 14)}Z`));
}

function distinguishedName(commonNames: string | readonly string[]): Buffer {
  const parts = [commonNames].flat().map((name) => sequence(identifier("550403"), value(0x0c, Buffer.from(name))));
  return sequence(...parts.map((part) => value(0x31, part)));
}

function extension(id: Buffer, isCritical: boolean, contents: Buffer): Buffer {
  return sequence(id, ...(isCritical ? [boolean(true)] : []), value(0x04, contents));
}

function alternativeName(name: string): Buffer {
  if (isIP(name) === 4) return value(0x87, Buffer.from(name.split(".").map(Number)));
  return value(0x82, Buffer.from(name));
}

const ECDSA_WITH_SHA256 = sequence(identifier("2a8648ce3d040302"));
const BASIC_CONSTRAINTS = identifier("551d13");
const SUBJECT_ALTERNATIVE_NAME = identifier("551d11");
