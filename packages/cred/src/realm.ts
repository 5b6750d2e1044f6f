// The interface between a portal and the application, which provides an avatar for each login
// (`twisted.cred.portal.IRealm`).

import type { Avatar, Referenceable, RemoteReference } from "@pb/broker";

/** The avatar id of an anonymous login (`twisted.cred.checkers.ANONYMOUS`). */
export const ANONYMOUS: unique symbol = Symbol("anonymous");

/** Identifies the user to whom credentials belong: usually the user name, or {@link ANONYMOUS}. */
export type AvatarId = string | typeof ANONYMOUS;

/**
 * A reference to the object that the client passed to `login`, so that the avatar can call it. Null when the client
 * passed none.
 */
export type Mind = RemoteReference | null;

/** The interface that PB asks a realm for (`twisted.spread.pb.IPerspective`). */
export const IPerspective = "twisted.spread.pb.IPerspective";

/** The result of {@link Realm.requestAvatar}. */
export interface Login {
  /** The object whose methods the client can call. */
  readonly avatar: Avatar | Referenceable;
  /**
   * Called exactly once: when the client has released its last reference to the avatar, or when the connection has
   * ended. An error that it throws is reported to `onEvent` of the portal only.
   */
  readonly logout?: (() => unknown) | undefined;
}

/** Provides avatars. The application implements it. */
export interface Realm {
  /**
   * Returns the avatar for a user whose credentials were accepted. `mind` is the object of the client that the avatar
   * can call. `interfaces` names the kind of avatar that is needed: {@link IPerspective} for a login over PB. May throw
   * `LoginDenied` to refuse the login, and `NotImplementedError` for interfaces that it does not know.
   */
  requestAvatar(avatarId: AvatarId, mind: Mind, ...interfaces: string[]): Login | Promise<Login>;
}
