// @pb/cred: who is calling.

// For applications: a client
export { login } from "./login-client.js";
export type { LoginOptions, PasswordLogin } from "./login-client.js";
export { Anonymous, BearerToken, UsernamePassword } from "./credentials.js";

// For applications: a server
export { IPerspective, Portal } from "./portal.js";
export type { PortalOptions, Realm } from "./portal.js";
export type { Login } from "./logged-in.js";
export type { Mind } from "./login-session.js";
export { AllowAnonymousAccess, ANONYMOUS, BearerTokenChecker, FunctionChecker } from "./checkers.js";
export type { AvatarId, CredentialsChecker, ScramChecker } from "./checkers.js";
export { InMemoryUsernamePasswordChecker } from "./memory-checker.js";
export { FilePasswordDB } from "./password-file.js";
export type { FilePasswordOptions, FileSource, HashFunction } from "./password-file.js";
export { parseStoredPasswords, PasswordChecker } from "./password-checker.js";
export type { DecoyOptions, PasswordCheckerOptions, Stored, StoredForm } from "./password-checker.js";
export { Md5Digest, PlainPassword } from "./stored-password.js";
export type { StoredPassword } from "./stored-password.js";
export { ScramVerifier } from "./scram-verifier.js";
export type { ScramVerifierOptions } from "./scram-verifier.js";
export { ScryptHash } from "./scrypt-hash.js";
export type { ScryptCost } from "./scrypt-hash.js";
export { defaultLoginLimits, defaultLoginPolicy } from "./limits.js";
export type { LoginLimits, LoginMechanism, LoginPolicy, OfferedOver } from "./limits.js";
export type { LoginEvent, LoginWatcher } from "./events.js";
export { LoginDenied, LoginFailed, NotImplementedError, UnauthorizedLogin, UnhandledCredentials } from "./errors.js";
export type { LoginErrorCode, LoginErrorOptions } from "./errors.js";

// For people building on us
export { ChallengedPassword, ScramProof } from "./credentials.js";
export type { CredentialKind, Credentials, PasswordCredentials } from "./credentials.js";
export { challenge, respond, respondWithDigest } from "./challenge.js";
export { LoginRoot } from "./login-server.js";
