// The calls of a client that is logging in.

import type { Broker, Referenceable, RemoteReference } from "@pb/broker";
import type { LoginOptions } from "./login-options.js";

/** The method of the credentials of a client that logs in with them. Resolves with the answer of the server. */
export const requestAvatar: unique symbol = Symbol("requestAvatar");

/** Credentials with which a client can log in. */
export interface LoginCredentials {
  [requestAvatar](calls: LoginCalls, request: LoginRequest): Promise<unknown>;
}

/** What a client asks for besides the check of its credentials. */
export interface LoginRequest {
  readonly mind: Referenceable | null;
  readonly options: LoginOptions;
  readonly signal: AbortSignal;
}

/** What the logins with a password need of `UsernamePassword`. */
export interface NameAndPassword {
  readonly username: string | Uint8Array;
  readonly password: string | Uint8Array;
  respond(challenge: Uint8Array): Uint8Array;
}

/** Makes the calls of one login, which do not wait for its end as other calls do (`Broker.duringLogin`). */
export class LoginCalls {
  readonly connection: Broker;
  readonly #pass: <T>(calls: () => T) => T;

  constructor(connection: Broker, pass: <T>(calls: () => T) => T) {
    this.connection = connection;
    this.#pass = pass;
  }

  call(reference: RemoteReference, method: string, ...args: readonly unknown[]): Promise<unknown> {
    return this.#pass(() => reference.callRemote(method, ...args));
  }
}
