// What a TLS socket knows about the other end: its certificate, and channel bindings, which tie a login to one
// connection.

import type { ChannelBindingType, PeerCertificate } from "@pb/broker/extension";
import { createHash } from "node:crypto";
import type { PeerCertificate as NodeCertificate, TLSSocket } from "node:tls";

/** The certificate of the other end. Undefined if it has sent none. */
export function certificateOf(socket: TLSSocket): PeerCertificate | undefined {
  const certificate = socket.getPeerCertificate();
  if (!isCertificate(certificate)) return undefined;
  return {
    isTrusted: socket.authorized,
    name: first(certificate.subject.CN),
    alternativeNames: certificate.subjectaltname?.split(", ") ?? [],
    issuer: first(certificate.issuer.CN),
    serialNumber: certificate.serialNumber,
    validFrom: new Date(certificate.valid_from),
    validTo: new Date(certificate.valid_to),
    fingerprint: certificate.fingerprint256,
    der: new Uint8Array(certificate.raw),
  };
}

/**
 * Bytes that are unique to this connection (`tls-exporter`, RFC 9266) or to its server certificate
 * (`tls-server-end-point`, RFC 5929). Undefined if the connection has none.
 */
export function channelBindingOf(
  socket: TLSSocket,
  isServer: boolean,
  type: ChannelBindingType,
): Uint8Array | undefined {
  if (socket.destroyed) return undefined;
  switch (type) {
    case "tls-exporter":
      // Before TLS 1.3 the value is unique only with the extended master secret, and Node does not report whether that
      // is in use.
      if (socket.getProtocol() !== "TLSv1.3") return undefined;
      return new Uint8Array(socket.exportKeyingMaterial(32, "EXPORTER-Channel-Binding", Buffer.alloc(0)));
    case "tls-server-end-point": {
      const certificate = isServer ? socket.getCertificate() : socket.getPeerCertificate();
      return isCertificate(certificate) ? endPointHash(certificate.raw) : undefined;
    }
  }
}

/**
 * The hash of a certificate, by the hash function of its signature, or by SHA-256 if that function is MD5 or SHA-1 (RFC
 * 5929, section 4.1).
 */
function endPointHash(der: Buffer): Uint8Array | undefined {
  const hash = hashOfSignature.get(signatureAlgorithm(der));
  return hash === undefined ? undefined : new Uint8Array(createHash(hash).update(der).digest());
}

/**
 * Signature algorithms with exactly one hash function: their object identifiers as DER in hexadecimal, and the hash for
 * the channel binding.
 */
const hashOfSignature: ReadonlyMap<string, string> = new Map([
  ["2a864886f70d010104", "sha256"], // md5WithRSAEncryption
  ["2a864886f70d010105", "sha256"], // sha1WithRSAEncryption
  ["2a864886f70d01010b", "sha256"], // sha256WithRSAEncryption
  ["2a864886f70d01010c", "sha384"],
  ["2a864886f70d01010d", "sha512"],
  ["2a8648ce3d0401", "sha256"], // ecdsa-with-SHA1
  ["2a8648ce3d040302", "sha256"], // ecdsa-with-SHA256
  ["2a8648ce3d040303", "sha384"],
  ["2a8648ce3d040304", "sha512"],
]);

/**
 * The object identifier of the signature algorithm of a certificate, in hexadecimal:
 * `Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm SEQUENCE { OBJECT IDENTIFIER, … }, … }` (RFC 5280,
 * section 4.1).
 */
function signatureAlgorithm(der: Buffer): string {
  const signed = contents(der, contents(der, 0).start);
  const identifier = contents(der, contents(der, signed.end).start);
  return der.toString("hex", identifier.start, identifier.end);
}

/**
 * The offsets of the contents of the DER value at `offset`. OpenSSL has parsed the certificate, so it is well-formed.
 */
function contents(der: Buffer, offset: number): { start: number; end: number } {
  const firstByte = der[offset + 1]!;
  const lengthBytes = firstByte < 0x80 ? 0 : firstByte - 0x80;
  const start = offset + 2 + lengthBytes;
  return { start, end: start + (lengthBytes === 0 ? firstByte : der.readUIntBE(offset + 2, lengthBytes)) };
}

/**
 * Whether Node returned a certificate. For a closed socket, or a peer without a certificate, it returns null or an
 * empty object, against its types.
 */
function isCertificate(certificate: object | null): certificate is NodeCertificate {
  return certificate !== null && "raw" in certificate && certificate.raw !== undefined;
}

/** The first of several values with the same name. */
function first(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "string" || value === undefined ? value : value[0];
}
