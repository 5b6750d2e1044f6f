// The two ways to call a remote method: by name with `callRemote`, and as a function of `call`.

import type { RemoteArguments, RemoteCalls, RemoteMethods, RemoteName, RemoteResult } from "./remote-types.js";

/** What {@link RemoteCaller} does for each call. */
export type Invoke = (name: string, args: readonly unknown[]) => Promise<unknown>;

/** Calls methods of a remote object with fixed options: `reference.with({ timeoutMs: 500 })` returns one. */
export class RemoteCaller<T = RemoteMethods> {
  readonly #invoke: Invoke;
  #calls: RemoteCalls<T> | undefined;

  constructor(invoke: Invoke) {
    this.#invoke = invoke;
  }

  /** The methods as functions: `call.echo("hi")` is `callRemote("echo", "hi")`. */
  get call(): RemoteCalls<T> {
    return (this.#calls ??= callsThrough(this.#invoke));
  }

  /** Calls a method. A trailing `kwargs({…})` becomes keyword arguments. */
  callRemote<Name extends RemoteName<T>>(
    name: Name,
    ...args: RemoteArguments<T, Name>
  ): Promise<RemoteResult<T, Name>> {
    return this.#invoke(name, args) as Promise<RemoteResult<T, Name>>;
  }
}

/** An object with a function for every name, each of which calls `invoke`. */
export function callsThrough<T>(invoke: Invoke): RemoteCalls<T> {
  return new Proxy(Object.create(null) as RemoteCalls<T>, {
    // It has no method `then`, so that awaiting it by mistake does not call the peer.
    get: (_target, name) =>
      typeof name === "symbol" || name === "then" ? undefined : (...args: unknown[]) => invoke(name, args),
  });
}
