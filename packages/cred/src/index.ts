// @pb/cred: logins for Perspective Broker. For applications.

// Clients
export { login } from "./login.js";
export type { LoginOptions, PasswordLogin } from "./login-options.js";
export { Anonymous, BearerToken, UsernamePassword } from "./credentials/credentials.js";

// Servers
export { Portal } from "./portal.js";
export type { PortalOptions } from "./portal.js";
export { ANONYMOUS, IPerspective } from "./realm.js";
export type { AvatarId, Login, Mind, Realm } from "./realm.js";
export { defaultLoginLimits, defaultLoginPolicy } from "./limits.js";
export type { LoginLimits, LoginMechanism, LoginPolicy, OfferedOver } from "./limits.js";
export type { CheckerEvent, LoginEvent, LoginWatcher } from "./events.js";
export type { DisconnectOptions, PortalSession } from "./session/sessions.js";

// Checkers
export { AllowAnonymousAccess, BearerTokenChecker, FunctionChecker } from "./checkers/checker.js";
export { InMemoryUsernamePasswordChecker } from "./checkers/memory-checker.js";
export { FilePasswordDB } from "./checkers/password-file.js";
export type { FilePasswordOptions, FileSource, HashFunction } from "./checkers/password-file.js";
export { PasswordChecker } from "./checkers/password-checker.js";
export type { PasswordCheckerOptions } from "./checkers/password-checker.js";
export type { DecoyOptions } from "./checkers/decoys.js";

// Stored passwords
export { Md5Digest, PlainPassword } from "./passwords/stored-password.js";
export { ScramVerifier } from "./passwords/scram-verifier.js";
export type { ScramVerifierOptions } from "./passwords/scram-verifier.js";
export { ScryptHash } from "./passwords/scrypt-hash.js";
export type { ScryptCost } from "./passwords/scrypt-hash.js";
export { parseStoredPasswords } from "./passwords/stored-forms.js";
export type { Stored, StoredForm } from "./passwords/stored-forms.js";

// Errors
export { LoginDenied, LoginFailed, NotImplementedError, UnauthorizedLogin, UnhandledCredentials } from "./errors.js";
export type { LoginErrorCode, LoginErrorOptions } from "./errors.js";
