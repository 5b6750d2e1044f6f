// Why somebody is not let in. The names are those a Twisted peer traps (wire specification 6.3; `twisted.cred.error`).

/** Codes of a {@link LoginFailed}. Codes are promises, message texts are not. */
export type LoginErrorCode =
  | "LOGIN_FAILED"
  | "LOGIN_UNAUTHORIZED"
  | "LOGIN_DENIED"
  | "LOGIN_UNHANDLED"
  /** We refused: what the server or the link offers is weaker than what was asked for. */
  | "LOGIN_TOO_WEAK"
  /** We refused: the server does not know the password itself. Somebody else may have answered in its place. */
  | "LOGIN_SERVER_NOT_PROVEN"
  /** The other side said something that is no part of a login. */
  | "LOGIN_MALFORMED";

export interface LoginErrorOptions {
  readonly code?: LoginErrorCode | undefined;
  readonly cause?: unknown;
}

/** No login (`twisted.cred.error.LoginFailed`). */
export class LoginFailed extends Error {
  static readonly remoteType: string = "twisted.cred.error.LoginFailed";
  static readonly isExpected: boolean = true;
  override name = "LoginFailed";
  readonly code: LoginErrorCode;

  constructor(message?: string, { code = "LOGIN_FAILED", cause }: LoginErrorOptions = {}) {
    super(message, cause === undefined ? {} : { cause });
    this.code = code;
  }
}

/** The name or the proof is wrong; which of them is not told (`twisted.cred.error.UnauthorizedLogin`). */
export class UnauthorizedLogin extends LoginFailed {
  static override readonly remoteType: string = "twisted.cred.error.UnauthorizedLogin";
  static readonly remoteBases: readonly string[] = ["twisted.cred.error.Unauthorized"];
  override name = "UnauthorizedLogin";

  constructor(message?: string, options: LoginErrorOptions = {}) {
    super(message, { code: "LOGIN_UNAUTHORIZED", ...options });
  }
}

/** Not now, or not this one, whoever it is: for realms to throw, and what limits and policies say (`twisted.cred.error.LoginDenied`). */
export class LoginDenied extends LoginFailed {
  static override readonly remoteType: string = "twisted.cred.error.LoginDenied";
  override name = "LoginDenied";

  constructor(message?: string, options: LoginErrorOptions = {}) {
    super(message, { code: "LOGIN_DENIED", ...options });
  }
}

/** No checker takes this kind of credentials (`twisted.cred.error.UnhandledCredentials`). */
export class UnhandledCredentials extends LoginFailed {
  static override readonly remoteType: string = "twisted.cred.error.UnhandledCredentials";
  override name = "UnhandledCredentials";

  constructor(message?: string, options: LoginErrorOptions = {}) {
    super(message, { code: "LOGIN_UNHANDLED", ...options });
  }
}

/** The realm has no avatar of the kind that was asked for: for realms to throw (Python's `NotImplementedError`). */
export class NotImplementedError extends Error {
  static readonly remoteType: string = "builtins.NotImplementedError";
  static readonly remoteBases: readonly string[] = ["builtins.RuntimeError"];
  static readonly isExpected: boolean = true;
  override name = "NotImplementedError";
}

/** The server's end of the link has no channel binding of the type that the client wants. Only our own clients ever hear it. */
export class ChannelBindingUnavailable extends LoginFailed {
  static override readonly remoteType: string = "pbx.login.ChannelBindingUnavailable";
  override name = "ChannelBindingUnavailable";
}
