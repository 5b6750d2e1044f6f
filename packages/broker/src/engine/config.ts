// What a program decides about its connections, worked out once and shared by all of them.

import { pb, none } from "@pb/banana";
import type { Dialect } from "@pb/banana";
import { TypeRegistry } from "@pb/jelly-types";
import type { Exactness, SecurityPolicy } from "@pb/jelly-types";
import type { Callable, Connection } from "../calls/callable.js";
import type { BrokerWatcher } from "../events.js";
import { describeError, describeSafely, failure, remoteError } from "../wire/failure.js";
import type { ErrorDescription, RemoteError } from "../wire/failure.js";
import { cache, cacheable } from "../flavors/cacheable.js";
import { copyable } from "../flavors/copyable.js";
import { avatar, viewable } from "../flavors/perspective.js";
import { referenceable } from "../flavors/referenceable.js";
import { arriving, homecoming } from "../flavors/remote-reference.js";
import { promise } from "../wire/promised-results.js";
import { defaultBrokerLimits } from "../limits.js";
import type { BrokerLimits } from "../limits.js";

/** Where a connection starts: a `Root`, a portal, anything that has an object for each connection. */
export interface RootSource {
  /** Called once for each connection, when it is ready and before the peer's first call. */
  rootObject(connection: Connection): Callable;
  /** Whether the peer is a stranger until it has logged in: transports bound how many strangers there are and how long they may stay. */
  readonly requiresLogin?: boolean | undefined;
}

export interface BrokerOptions {
  /** The object the peer gets by `getRootObject()`. Default: none; the peer's calls to it fail with "Invalid Object ID". */
  readonly root?: RootSource | undefined;
  /** Types of the application. Registering more while connected is fine. */
  readonly types?: TypeRegistry | undefined;
  readonly policy?: SecurityPolicy | undefined;
  readonly exactness?: Partial<Exactness> | undefined;
  readonly limits?: Partial<BrokerLimits> | undefined;
  /** Dialects, in order of preference. Default: `pb`, `none`. */
  readonly dialects?: readonly Dialect[] | undefined;
  /** Decides what a peer learns of an error. Default {@link describeError}. */
  readonly describeError?: ((error: unknown) => ErrorDescription) | undefined;
  /**
   * Classes for errors of the peer: `{ "shop.OutOfStock": OutOfStock }` rejects with an `OutOfStock` where the peer raised that or a class that
   * extends it. It is made with the message, and with the `RemoteError` as its cause.
   */
  readonly errorClasses?: Readonly<Record<string, ErrorClass>> | undefined;
  /** Sends stacks of errors to the peer. Default false: they tell about our insides (`unsafeTracebacks` of Twisted). */
  readonly unsafeTracebacks?: boolean | undefined;
  /** Remembers where each reference came from, for `leakReport()`. Slow: for finding leaks. Default false. */
  readonly traceReferences?: boolean | undefined;
  readonly onEvent?: BrokerWatcher | undefined;
}

/** A class of errors that a peer's errors can become. */
export type ErrorClass = new (message: string, options: { cause: RemoteError }) => Error;

/** {@link BrokerOptions} with every default filled in. Make it once for many connections. */
export class BrokerConfig {
  readonly root: RootSource | undefined;
  readonly types: TypeRegistry;
  readonly policy: SecurityPolicy | undefined;
  readonly exactness: Partial<Exactness>;
  readonly limits: BrokerLimits;
  readonly dialects: readonly Dialect[];
  readonly describeError: (error: unknown) => ErrorDescription;
  readonly errorClasses: ReadonlyMap<string, ErrorClass>;
  readonly traceReferences: boolean;
  readonly onEvent: BrokerWatcher;

  constructor(options: BrokerOptions = {}) {
    const describe = options.describeError ?? describeError;
    this.root = options.root;
    this.types = flavors(options.types);
    this.policy = options.policy;
    this.exactness = options.exactness ?? {};
    this.limits = { ...defaultBrokerLimits, ...options.limits };
    this.dialects = options.dialects ?? [pb, none];
    this.describeError = (error) => describeSafely(describe, error, options.unsafeTracebacks === true);
    this.errorClasses = new Map(Object.entries(options.errorClasses ?? {}));
    this.traceReferences = options.traceReferences ?? false;
    this.onEvent = options.onEvent === undefined ? () => undefined : separately(options.onEvent);
  }

  /** The peer's error as the nearest class that the program has for it; itself where there is none. */
  localError(error: RemoteError): Error {
    for (const name of [error.remoteType, ...error.parents]) {
      const type = this.errorClasses.get(name);
      if (type !== undefined) return new type(error.message, { cause: error });
    }
    return error;
  }

  /** Runs a callback of the program, whose trouble is not the connection's. */
  run(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.onEvent({ kind: "callback-failed", error });
    }
  }

  static of(options: BrokerOptions | BrokerConfig | undefined): BrokerConfig {
    return options instanceof BrokerConfig ? options : new BrokerConfig(options);
  }
}

/** A watcher whose own trouble becomes an uncaught error, as that of an event listener does, and does not reach the connection. */
function separately(watcher: BrokerWatcher): BrokerWatcher {
  return (event) => {
    try {
      watcher(event);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  };
}

/** The types of an application, and the flavours in front of them. */
function flavors(types: TypeRegistry | undefined): TypeRegistry {
  return new TypeRegistry(types)
    .register(referenceable)
    .register(viewable)
    .register(avatar)
    .register(arriving)
    .register(homecoming)
    .register(copyable)
    .register(cacheable)
    .register(cache)
    .register(promise)
    .register(failure)
    .register(remoteError);
}
