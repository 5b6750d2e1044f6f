// The table of stored forms: which credentials each can check, and how each is read from text.

import type { CredentialKind } from "../credentials/credentials.js";
import { ScramVerifier } from "./scram-verifier.js";
import { ScryptHash } from "./scrypt-hash.js";
import { Md5Digest, PlainPassword } from "./stored-password.js";
import type { StoredPassword } from "./stored-password.js";

/** The form in which a password is stored. */
export type StoredForm = "plain" | "md5" | "scram-sha-256" | "scrypt";

/** What is stored for one user: one form, or several so that clients can use different logins. */
export type Stored = StoredPassword | readonly StoredPassword[];

/** The kinds of credentials that each form can check. */
export const kindsOfForm: Readonly<Record<StoredForm, readonly CredentialKind[]>> = {
  plain: PlainPassword.kinds,
  md5: Md5Digest.kinds,
  "scram-sha-256": ScramVerifier.kinds,
  scrypt: ScryptHash.kinds,
};

const parsers = [Md5Digest, ScramVerifier, ScryptHash];

/**
 * Reads stored passwords from text: what `toText()` of {@link Md5Digest}, {@link ScramVerifier} and {@link ScryptHash}
 * returns, separated by spaces. Text that is in none of these formats is skipped.
 */
export function parseStoredPasswords(text: string): StoredPassword[] {
  const words = text.split(" ").filter((word) => word !== "");
  return words.flatMap((word): StoredPassword[] => {
    const stored = parsers.map((form) => form.parse(word)).find((parsed) => parsed !== undefined);
    return stored === undefined ? [] : [stored];
  });
}

/** Whether a stored password can check credentials of one of these kinds. */
export function canCheck(stored: StoredPassword, kinds: readonly CredentialKind[]): boolean {
  return stored.kinds.some((kind) => kinds.includes(kind));
}
