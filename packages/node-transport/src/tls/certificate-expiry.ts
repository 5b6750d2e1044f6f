// Reports the certificate of a server before it expires, because nobody looks at the date otherwise.

import { onDispose } from "@pb/jelly-types";
import type { ServerEvent } from "@pb/transport";
import { X509Certificate } from "node:crypto";

/** The certificate that a server shows. */
export interface ShownCertificate {
  /** The names for which it is valid, or its subject. */
  readonly name: string;
  readonly validTo: Date;
}

const DAY_MS = 86_400_000;

/** Authorities that issue for 90 days recommend to renew 30 days before: then a renewal has failed for two weeks. */
const NEAR_MS = 14 * DAY_MS;

export function shownCertificate(pem: Buffer): ShownCertificate {
  const { subjectAltName, subject, validTo } = new X509Certificate(pem);
  return { name: subjectAltName ?? subject, validTo: new Date(validTo) };
}

/** Checks now and daily until the result is disposed of. */
export function watchExpiry(shown: () => ShownCertificate, report: (event: ServerEvent) => void): Disposable {
  const check = (): void => {
    const { name, validTo } = shown();
    const leftMs = validTo.getTime() - Date.now();
    if (leftMs < NEAR_MS) report({ kind: "certificate", name, validTo, hasExpired: leftMs < 0 });
  };
  const soon = setImmediate(check); // The program adds its watchers when `listen` has resolved.
  const timer = setInterval(check, DAY_MS).unref();
  return onDispose(() => {
    clearImmediate(soon);
    clearInterval(timer);
  });
}
