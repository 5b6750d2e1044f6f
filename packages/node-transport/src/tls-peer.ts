// What TLS knows about the other end: its certificate in plain values, and what ties a login to this very connection.

import type { ChannelBindingType, PeerCertificate } from "@pb/broker/extension";
import { createHash } from "node:crypto";
import type { PeerCertificate as NodeCertificate, TLSSocket } from "node:tls";

/** The certificate that the other end showed. Undefined when it showed none. */
export function certificateOf(socket: TLSSocket): PeerCertificate | undefined {
  const shown = socket.getPeerCertificate();
  if (!isCertificate(shown)) return undefined;
  return {
    isTrusted: socket.authorized,
    name: first(shown.subject.CN),
    alternativeNames: shown.subjectaltname?.split(", ") ?? [],
    issuer: first(shown.issuer.CN),
    serialNumber: shown.serialNumber,
    validFrom: new Date(shown.valid_from),
    validTo: new Date(shown.valid_to),
    fingerprint: shown.fingerprint256,
    der: new Uint8Array(shown.raw),
  };
}

/** RFC 9266 and RFC 5929. */
export function channelBindingOf(
  socket: TLSSocket,
  isServer: boolean,
  type: ChannelBindingType,
): Uint8Array | undefined {
  if (socket.destroyed) return undefined;
  switch (type) {
    case "tls-exporter":
      // Before TLS 1.3 it is unique only with an extension that Node does not tell us about.
      if (socket.getProtocol() !== "TLSv1.3") return undefined;
      return new Uint8Array(socket.exportKeyingMaterial(32, "EXPORTER-Channel-Binding", Buffer.alloc(0)));
    case "tls-server-end-point": {
      const certificate = isServer ? socket.getCertificate() : socket.getPeerCertificate();
      return isCertificate(certificate) ? endPointHash(certificate.raw) : undefined;
    }
  }
}

/** The hash that a certificate is signed with; SHA-256 in place of the weak ones (RFC 5929, 4.1). */
function endPointHash(der: Buffer): Uint8Array | undefined {
  const hash = hashOfSignature.get(signatureAlgorithm(der));
  return hash === undefined ? undefined : new Uint8Array(createHash(hash).update(der).digest());
}

/** Object identifiers as they stand in DER, in hexadecimal: those whose signature has one hash. */
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

/** `Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm SEQUENCE { OBJECT IDENTIFIER, … }, … }` (RFC 5280, 4.1). */
function signatureAlgorithm(der: Buffer): string {
  const signed = contents(der, contents(der, 0).start);
  const identifier = contents(der, contents(der, signed.end).start);
  return der.toString("hex", identifier.start, identifier.end);
}

/** Where the contents of the DER value at `offset` lie. The certificate is well-formed: OpenSSL has read it. */
function contents(der: Buffer, offset: number): { start: number; end: number } {
  const short = der[offset + 1]!;
  const digits = short < 0x80 ? 0 : short - 0x80;
  const start = offset + 2 + digits;
  return { start, end: start + (digits === 0 ? short : der.readUIntBE(offset + 2, digits)) };
}

/** There is none on a socket that is closed, whatever the types say. */
function isCertificate(certificate: object | null): certificate is NodeCertificate {
  return certificate !== null && "raw" in certificate && certificate.raw !== undefined;
}

function first(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "string" || value === undefined ? value : value[0];
}
