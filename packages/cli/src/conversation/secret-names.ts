// Decides which fields, arguments and results are secret, by their names.

import { REDACTED } from "./messages.js";
import type { PendingCall } from "./messages.js";

/** Names of fields that contain secrets. A name that contains one of these words, in any case, is secret too. */
const SECRET_WORDS =
  /pass[-_ ]?(word|phrase|code)|passwd|pwd|secret|token|credential|(api|private|access)[-_ ]?key|(pin|otp|mfa)[-_ ]?code|authorization|cookie|bearer|session[-_ ]?id/i;

/** Short names that are secret as a whole. They are part of too many other words. */
const SECRET_NAMES = /^(pass|pw|pin|otp|auth|jwt)$/i;

/** Methods that log in: their first argument is the name of the user, the others are secret. */
const LOGIN_METHODS = /^(log_?[io]n|sign_?in|authenticate|authorize)/i;

/** Remembered decisions. A program has few names; a peer could send many. */
const REMEMBERED = 4096;

/** What is secret in a call and its answer, besides fields with secret names. */
export interface SecretCall {
  /** The first positional argument that is secret, and whether all after it are. */
  readonly firstArgument: number;
  readonly lastArgument: number;
  /** Whether the texts and byte strings of its answer are secret. `data`: only if it contains no reference. */
  readonly answer: boolean | "data";
}

const PROOF: SecretCall = { firstArgument: 0, lastArgument: 0, answer: false };
const SCRAM_PROOF: SecretCall = { firstArgument: 0, lastArgument: 0, answer: true };
const LOGIN: SecretCall = { firstArgument: 1, lastArgument: Infinity, answer: "data" };
const ALL: SecretCall = { firstArgument: 0, lastArgument: Infinity, answer: true };

/** The methods of the logins of Twisted and of this library. */
const loginMethods: ReadonlyMap<string, SecretCall> = new Map([
  ["respond", PROOF],
  ["bearer", PROOF],
  ["finish", SCRAM_PROOF],
]);

/** A call, as far as it tells whether it belongs to a login. */
export type CallOfObject = Pick<PendingCall, "method" | "target" | "origin" | "isCache">;

/** Whether a call takes a password, a token, or what is made of one. */
export function isLoginCall(call: CallOfObject): boolean {
  return loginMethods.has(call.method) ? isStepOfLogin(call) : LOGIN_METHODS.test(call.method);
}

/** Whether a call is the second step of SCRAM. */
export function isScramProof(call: CallOfObject): boolean {
  return call.method === "finish" && isStepOfLogin(call);
}

/**
 * Whether the object of `respond` or `finish` is one with which a login continues: the result of `login` or of `scram`.
 * Programs have methods of these names too. An object counts as one of a login if it is not known where it came from.
 */
function isStepOfLogin({ method, target, origin, isCache }: CallOfObject): boolean {
  if (method === "bearer") return true;
  if (isCache || typeof target === "string") return false;
  if (origin === undefined) return true;
  return (
    origin.as === "result" && (method === "finish" ? origin.method === "scram" : LOGIN_METHODS.test(origin.method))
  );
}

/** Knows which names are secret. */
export class SecretNames {
  readonly #further: ReadonlySet<string>;
  readonly #fields = new Map<string, boolean>();
  readonly #methods = new Map<string, SecretCall | undefined>();

  /** `further` are names of fields and methods that are secret too, in any case. */
  constructor(further: readonly string[] = []) {
    this.#further = new Set(further.map((name) => name.toLowerCase()));
  }

  /** Whether the value of a field or a keyword argument with this name is secret. */
  isSecretField(name: string): boolean {
    return remember(this.#fields, name, () => this.#isSecret(name));
  }

  /** What is secret in a call. Undefined: nothing but fields. */
  inCall(call: CallOfObject): SecretCall | undefined {
    const { method } = call;
    const secret = remember(this.#methods, method, () => {
      // What the method was called is not known, so that its answer may be secret.
      if (method === REDACTED || this.#isSecret(method)) return ALL;
      return (
        loginMethods.get(method) ?? (LOGIN_METHODS.test(method) && method !== "loginAnonymous" ? LOGIN : undefined)
      );
    });
    return secret !== ALL && loginMethods.has(method) && !isStepOfLogin(call) ? undefined : secret;
  }

  #isSecret(name: string): boolean {
    // A JSON pointer, by which the patches of live state name a field.
    if (name.startsWith("/"))
      return name
        .slice(1)
        .split("/")
        .some((key) => this.isSecretField(key));
    if (SECRET_WORDS.test(name) || SECRET_NAMES.test(name)) return true;
    // Names of fields are read byte by byte, as Latin-1.
    const utf8 = Buffer.from(name, "latin1").toString();
    return [name, utf8].some((text) => this.#further.has(text.toLowerCase()));
  }
}

function remember<T>(known: Map<string, T>, name: string, decide: () => T): T {
  const decided = known.get(name);
  if (decided !== undefined || known.has(name)) return decided!;
  const value = decide();
  if (known.size < REMEMBERED) known.set(name, value);
  return value;
}
