// Decoys: stored passwords of users that do not exist, so that a login with an unknown name takes the same work as one
// with a wrong password.

import type { OptionKinds } from "@pb/jelly-types";
import { randomBytes } from "../bytes.js";
import type { CredentialKind } from "../credentials/credentials.js";
import { ScramVerifier } from "../passwords/scram-verifier.js";
import { ScryptHash } from "../passwords/scrypt-hash.js";
import { canCheck } from "../passwords/stored-forms.js";
import type { StoredForm } from "../passwords/stored-forms.js";
import { Md5Digest, PlainPassword } from "../passwords/stored-password.js";
import type { StoredPassword } from "../passwords/stored-password.js";
import { iterationsOr } from "../scram/scram-keys.js";

/** How decoys are made. They should look like the verifiers of existing users. */
export interface DecoyOptions {
  /**
   * The secret from which the salts of users that do not exist are derived. Default: random bytes. Store it with the
   * users when there are SCRAM verifiers: with another secret after a restart, a client that asks for the salt of a
   * name before and after it can tell whether the name exists.
   */
  readonly secret?: Uint8Array | undefined;
  /** Iterations of the stored verifiers, which users that do not exist get as well. Default 600,000. */
  readonly iterations?: number | undefined;
}

export const decoyOptionKinds: OptionKinds<DecoyOptions> = { secret: "bytes", iterations: "any" };

/** Creates stored passwords that match no password. */
export class Decoys {
  readonly #all: readonly StoredPassword[];
  readonly #secret: Uint8Array;
  readonly #iterations: number;

  constructor(forms: readonly StoredForm[], { secret = randomBytes(32), iterations }: DecoyOptions) {
    this.#secret = secret;
    this.#iterations = iterationsOr(iterations);
    this.#all = forms.flatMap((form) => this.#decoy(form));
  }

  /** A decoy that can check credentials of one of these kinds. */
  for(username: string, kinds: readonly CredentialKind[]): StoredPassword {
    return this.#all.find((stored) => canCheck(stored, kinds)) ?? this.verifier(username);
  }

  /** A decoy of a SCRAM verifier. It has the same salt every time. */
  verifier(username: string): ScramVerifier {
    return ScramVerifier.decoy(username, this.#secret, this.#iterations);
  }

  #decoy(form: StoredForm): StoredPassword {
    switch (form) {
      case "plain":
        return new PlainPassword(randomBytes(16));
      case "md5":
        return new Md5Digest(randomBytes(16));
      case "scram-sha-256":
        return this.verifier("");
      case "scrypt":
        return ScryptHash.decoy();
    }
  }
}
