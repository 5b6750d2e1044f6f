// @pb/cred: who is calling.

// For applications
export { login } from "./login-client.js";
export { Portal, IPerspective } from "./portal.js";
export type { Login, Mind, Realm } from "./portal.js";
export { AllowAnonymousAccess, ANONYMOUS, InMemoryUsernamePasswordChecker } from "./checkers.js";
export type { AvatarId, CredentialsChecker } from "./checkers.js";
export { Anonymous, ChallengedPassword, UsernamePassword } from "./credentials.js";
export type { CredentialKind, Credentials } from "./credentials.js";
export { LoginDenied, LoginFailed, UnauthorizedLogin, UnhandledCredentials } from "./errors.js";

// For people building on us
export { challenge, respond } from "./challenge.js";
export { LoginRoot } from "./login-server.js";
