// Why somebody is not let in. The names are those a Twisted peer traps (wire specification 6.3; `twisted.cred.error`).

/** No login (`twisted.cred.error.LoginFailed`). */
export class LoginFailed extends Error {
  static readonly remoteType: string = "twisted.cred.error.LoginFailed";
  static readonly isExpected: boolean = true;
  override name = "LoginFailed";
}

/** The name or the proof is wrong; which of them is not told (`twisted.cred.error.UnauthorizedLogin`). */
export class UnauthorizedLogin extends LoginFailed {
  static override readonly remoteType: string = "twisted.cred.error.UnauthorizedLogin";
  static readonly remoteBases: readonly string[] = ["twisted.cred.error.Unauthorized"];
  override name = "UnauthorizedLogin";
}

/** Who it is is known, but may not come in: for realms to throw (`twisted.cred.error.LoginDenied`). */
export class LoginDenied extends LoginFailed {
  static override readonly remoteType: string = "twisted.cred.error.LoginDenied";
  override name = "LoginDenied";
}

/** No checker takes this kind of credentials (`twisted.cred.error.UnhandledCredentials`). */
export class UnhandledCredentials extends LoginFailed {
  static override readonly remoteType: string = "twisted.cred.error.UnhandledCredentials";
  override name = "UnhandledCredentials";
}
