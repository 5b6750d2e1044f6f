// Describes the TLS connection to a server, and its certificate.

import { printable } from "@pb/jelly-types";
import type { DetailedPeerCertificate, PeerCertificate, TLSSocket } from "node:tls";
import type { Findings } from "./findings.js";

const DAY_MS = 86_400_000;

/** Days before the end of a certificate when it should be renewed: a third of the 90 days of most authorities. */
const SOON_DAYS = 30;

/** Adds a finding about a connection whose certificate was verified. */
export function describeTls(socket: TLSSocket, findings: Findings): void {
  const certificate = socket.getPeerCertificate();
  const days = Math.floor((Date.parse(certificate.valid_to) - Date.now()) / DAY_MS);
  const text = `${socket.getProtocol() ?? "?"}, ${socket.getCipher().standardName}, ${describeCertificate(certificate)}`;
  const isSoon = days < SOON_DAYS;
  findings.add("tls", isSoon ? "warning" : "ok", isSoon ? `${text}: renew it, ${days} days are left` : text);
}

/** A certificate in a line: its names, its issuer and its dates. */
export function describeCertificate({
  subject,
  issuer,
  subjectaltname,
  valid_from: from,
  valid_to: to,
}: PeerCertificate | DetailedPeerCertificate): string {
  const names = subjectaltname ?? [subject.CN].flat().join(", ");
  return printable(
    `certificate for ${names}, issued by ${[issuer.CN].flat().join(", ")}, valid from ${day(from)} to ${day(to)}`,
    500,
  );
}

function day(date: string): string {
  const time = Date.parse(date);
  return Number.isNaN(time) ? date : new Date(time).toISOString().slice(0, 10);
}
