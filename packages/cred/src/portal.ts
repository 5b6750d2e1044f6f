// Where credentials become avatars (`twisted.cred.portal`).

import type { Avatar, Referenceable, RemoteReference, RootSource } from "@pb/broker";
import type { AvatarId, CredentialsChecker } from "./checkers.js";
import type { CredentialKind, Credentials } from "./credentials.js";
import { UnhandledCredentials } from "./errors.js";
import { LoginRoot } from "./login-server.js";

/** The object of the peer that came with a login, to be called back; null when it sent none. */
export type Mind = RemoteReference | null;

/** What a realm gives to somebody. */
export interface Login {
  /** What they can do. */
  readonly avatar: Avatar | Referenceable;
  /** Runs exactly once: when the peer has given back the avatar, or the connection is over, whichever comes first. */
  readonly logout?: (() => void) | undefined;
}

/** The interface PB asks a realm for (`twisted.spread.pb.IPerspective`). */
export const IPerspective = "twisted.spread.pb.IPerspective";

/** Who makes avatars: the application. */
export interface Realm {
  /**
   * The avatar for somebody whose credentials are good. `mind` is the peer's object to call back. `interfaces` names what kind of avatar is
   * asked for: {@link IPerspective}. May throw `LoginDenied`.
   */
  requestAvatar(avatarId: AvatarId, mind: Mind, ...interfaces: string[]): Login | Promise<Login>;
}

/** Checkers in front of a realm. Give it to `listen` in place of a root object. */
export class Portal implements RootSource {
  readonly #realm: Realm;
  readonly #checkers: CredentialsChecker[];

  constructor(realm: Realm, checkers: Iterable<CredentialsChecker> = []) {
    this.#realm = realm;
    this.#checkers = [...checkers];
  }

  /** Adds a checker. Of several for one kind of credentials, the last one added decides. */
  registerChecker(checker: CredentialsChecker): void {
    this.#checkers.push(checker);
  }

  /** The avatar that these credentials open. Rejects with `UnauthorizedLogin`, {@link UnhandledCredentials}, or what the realm throws. */
  async login(credentials: Credentials, mind: Mind, ...interfaces: string[]): Promise<Login> {
    const checker = this.#checkers.findLast(({ kinds }) => kinds.some((kind) => credentials.kinds.includes(kind)));
    if (checker === undefined)
      throw new UnhandledCredentials(`No checker for ${credentials.kinds.map(interfacesOf).join(", ")}`);
    const avatarId = await checker.requestAvatarId(credentials);
    return this.#realm.requestAvatar(avatarId, mind, ...interfaces);
  }

  /** What a connection starts from: an object that can only log in. */
  rootObject(): LoginRoot {
    return new LoginRoot((credentials, mind) => this.login(credentials, mind, IPerspective));
  }
}

/** The interfaces that Twisted's credentials of a kind provide, as its message lists them (wire specification 6.3). */
function interfacesOf(kind: CredentialKind): string {
  switch (kind) {
    case "IAnonymous":
      return "twisted.cred.credentials.IAnonymous";
    case "IUsernameHashedPassword":
      return "twisted.cred.credentials.IUsernameHashedPassword, twisted.spread.pb.IUsernameMD5Password, twisted.spread.interfaces.IJellyable";
  }
}
