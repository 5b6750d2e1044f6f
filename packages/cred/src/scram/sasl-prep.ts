// Normalizes passwords that are typed by people (SASLprep: RFC 4013, a profile of stringprep, RFC 3454).

import { bytesOf } from "../bytes.js";

/** Space characters other than ASCII's (RFC 3454 C.1.2). */
const SPACES = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu;
/** Characters that are commonly mapped to nothing (RFC 3454 B.1). */
const MAPPED_TO_NOTHING = /\u00ad|\u034f|\u1806|\u180b|\u180c|\u180d|\u200c|\u200d|\u2060|[\ufe00-\ufe0f]|\ufeff/gu;
/** Controls, private use, non-characters, surrogates, tags and similar characters (RFC 3454 C.2 to C.9). */
const PROHIBITED =
  /[\p{Cc}\p{Co}\p{Cs}\p{Noncharacter_Code_Point}\u0340\u0341\u06dd\u070f\u180e\u200e\u200f\u2028-\u202e\u2061-\u2063\u206a-\u206f\u2ff0-\u2ffb\ufff9-\ufffd\u{1d173}-\u{1d17a}\u{e0001}\u{e0020}-\u{e007f}]/u;

/**
 * Returns the normalized form of a text. Text that contains a prohibited character is returned unchanged, as PostgreSQL
 * does, because any text is allowed as a password. The profile's check of bidirectional text only rejects text, so it
 * is left out.
 */
export function saslPrep(text: string): string {
  const prepared = text.replace(SPACES, " ").replace(MAPPED_TO_NOTHING, "").normalize("NFKC");
  return PROHIBITED.test(prepared) ? text : prepared;
}

/** The bytes from which a key is derived: a text password normalized and as UTF-8, a password in bytes unchanged. */
export function passwordBytes(password: string | Uint8Array): Uint8Array {
  return typeof password === "string" ? bytesOf(saslPrep(password)) : password;
}
