// The calls of a client that is logging in.

import type { Broker, RemoteReference } from "@pb/broker";

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
