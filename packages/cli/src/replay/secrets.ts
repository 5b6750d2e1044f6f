// Puts secrets into recorded messages, which have none.

import { createHash } from "node:crypto";
import type { Expression } from "@pb/banana";
import { REDACTED } from "../conversation/messages.js";
import type { Call } from "../conversation/messages.js";
import { latin1 } from "../conversation/redact.js";
import { isLoginCall } from "../conversation/secret-names.js";
import { CliError } from "../errors.js";

/** Whether a value contains a secret that was replaced. */
export function hasSecret(value: Expression): boolean {
  return Array.isArray(value) ? value.some(hasSecret) : latin1(value) === REDACTED;
}

/** Puts `secret` in the place of each secret that was replaced. */
export function withSecret(value: Expression, secret: Uint8Array): Expression {
  if (Array.isArray(value)) return value.map((item) => withSecret(item, secret));
  return latin1(value) === REDACTED ? secret : value;
}

/**
 * The secret that a call of the login sends: the answer to `challenge`, or the password or token itself. Undefined for
 * any other call. The caller refuses SCRAM before: see {@link scramError}.
 */
export function loginSecret(call: Call, challenge: Uint8Array | undefined, password: string): Uint8Array | undefined {
  if (!isLoginCall(call)) return undefined;
  if (call.method === "respond" && challenge !== undefined) {
    const digest = createHash("md5").update(password).digest();
    return new Uint8Array(createHash("md5").update(digest).update(challenge).digest());
  }
  return new TextEncoder().encode(password);
}

/** The error for a login with SCRAM, whose messages depend on random numbers of both ends. */
export function scramError(): CliError {
  const text =
    "This login is SCRAM, which cannot be replayed: its messages depend on random numbers of both ends. Record";
  return new CliError("CLI_REPLAY", `${text} a classic login, an anonymous one, or one with a token`);
}

/** The challenge in the answer of a login of Twisted: its first byte string. */
export function challengeIn(value: Expression): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  if (!Array.isArray(value)) return undefined;
  for (const item of value.slice(1)) {
    const found = challengeIn(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
