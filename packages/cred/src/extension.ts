// @pb/cred/extension: for authors of checkers, of kinds of credentials and of stored forms of passwords.

// Checkers
export type { CredentialsChecker, ScramChecker } from "./checkers/checker.js";

// Credentials
export { ChallengedPassword, ScramProof } from "./credentials/credentials.js";
export type { CredentialKind, Credentials, PasswordCredentials } from "./credentials/credentials.js";
export { respond } from "./credentials/challenge.js";

// Stored passwords
export type { StoredPassword } from "./passwords/stored-password.js";
