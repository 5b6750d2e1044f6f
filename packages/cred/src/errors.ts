// Errors of logins, under the names by which a Twisted peer traps them (wire specification 6.3; `twisted.cred.error`).

import { PerspectiveBrokerError } from "@pb/broker";

/** Codes of a {@link LoginFailed}. Codes are stable, the wording of messages is not. */
export type LoginErrorCode =
  /** The login failed for a reason that is not sent to the client. */
  | "LOGIN_FAILED"
  /** The user name, or the password, proof or token, is wrong. */
  | "LOGIN_UNAUTHORIZED"
  /** The realm, a policy, a limit or the transport refused the login. */
  | "LOGIN_DENIED"
  /** The server does not accept this kind of credentials. */
  | "LOGIN_UNHANDLED"
  /** This end refused the login because it would be weaker than required or than possible. */
  | "LOGIN_TOO_WEAK"
  /**
   * The client refused the login because the server did not prove that it knows the password. It may be an impostor.
   */
  | "LOGIN_SERVER_NOT_PROVEN"
  /** The other end sent a message that does not belong to the login protocol. */
  | "LOGIN_MALFORMED"
  /** The connection has no channel binding of the type that the client asked for. */
  | "LOGIN_CHANNEL_BINDING_UNAVAILABLE";

export interface LoginErrorOptions {
  /** Default: the code of the class. */
  readonly code?: LoginErrorCode | undefined;
  readonly cause?: unknown;
}

/**
 * A login failed (`twisted.cred.error.LoginFailed`). The base class of all errors of a login except {@link
 * NotImplementedError}.
 */
export class LoginFailed extends PerspectiveBrokerError {
  static readonly remoteType: string = "twisted.cred.error.LoginFailed";
  static readonly isExpected: boolean = true;
  override name = "LoginFailed";
  readonly code: LoginErrorCode;

  constructor(message?: string, { code = "LOGIN_FAILED", cause }: LoginErrorOptions = {}) {
    super(message, cause === undefined ? {} : { cause });
    this.code = code;
  }
}

/**
 * The user name, or the password, proof or token, is wrong. It does not tell which
 * (`twisted.cred.error.UnauthorizedLogin`).
 */
export class UnauthorizedLogin extends LoginFailed {
  static override readonly remoteType: string = "twisted.cred.error.UnauthorizedLogin";
  static readonly remoteBases: readonly string[] = ["twisted.cred.error.Unauthorized"];
  override name = "UnauthorizedLogin";

  constructor(message?: string, options: LoginErrorOptions = {}) {
    super(message, { code: "LOGIN_UNAUTHORIZED", ...options });
  }
}

/**
 * The login is refused whatever the credentials are. A realm throws it, and so do limits, policies and transports
 * (`twisted.cred.error.LoginDenied`).
 */
export class LoginDenied extends LoginFailed {
  static override readonly remoteType: string = "twisted.cred.error.LoginDenied";
  override name = "LoginDenied";

  constructor(message?: string, options: LoginErrorOptions = {}) {
    super(message, { code: "LOGIN_DENIED", ...options });
  }
}

/** No checker accepts this kind of credentials (`twisted.cred.error.UnhandledCredentials`). */
export class UnhandledCredentials extends LoginFailed {
  static override readonly remoteType: string = "twisted.cred.error.UnhandledCredentials";
  override name = "UnhandledCredentials";

  constructor(message?: string, options: LoginErrorOptions = {}) {
    super(message, { code: "LOGIN_UNHANDLED", ...options });
  }
}

/** A realm throws it when it has no avatar for the interfaces that were asked for (Python's `NotImplementedError`). */
export class NotImplementedError extends PerspectiveBrokerError {
  static readonly remoteType: string = "builtins.NotImplementedError";
  static readonly remoteBases: readonly string[] = ["builtins.RuntimeError"];
  static readonly isExpected: boolean = true;
  override name = "NotImplementedError";
  readonly code = "LOGIN_NOT_IMPLEMENTED";
}

/**
 * The server's end of the connection has no channel binding of the type that the client asked for. Sent only to clients
 * of this package, which then try the next type.
 */
export class ChannelBindingUnavailable extends LoginFailed {
  static override readonly remoteType: string = "pbx.login.ChannelBindingUnavailable";
  override name = "ChannelBindingUnavailable";

  constructor(message: string) {
    super(message, { code: "LOGIN_CHANNEL_BINDING_UNAVAILABLE" });
  }
}

/** The error for a message that does not belong to the login protocol. */
export function malformedLogin(message: string): LoginFailed {
  return new LoginFailed(message, { code: "LOGIN_MALFORMED" });
}

/** The error for a login that is weaker than required or than possible. */
export function weakLogin(message: string): LoginFailed {
  return new LoginFailed(message, { code: "LOGIN_TOO_WEAK" });
}
