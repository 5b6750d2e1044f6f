// The options of a program for its connections, completed once and shared by all of them.

import { madeBy, none, pb, requireOwnCopy } from "@pb/banana";
import type { BananaLimits, Dialect, PackageCopy } from "@pb/banana";
import { checkOptions, completeExactness, printable, SecurityPolicy, TypeRegistry } from "@pb/jelly-types";
import type { Exactness, OptionKinds, WritingHandler } from "@pb/jelly-types";
import { runningCalls } from "../calls/call-context.js";
import type { Connection } from "../calls/callable.js";
import { CallHooks } from "../calls/telemetry.js";
import type { Telemetry } from "../calls/telemetry.js";
import type { BrokerEvent } from "../events.js";
import { cacheHandler, cacheableHandler } from "../flavors/cacheable.js";
import { copyableHandler } from "../flavors/copyable.js";
import { avatarHandler, viewableHandler } from "../flavors/perspective.js";
import { promiseHandler } from "../flavors/promise.js";
import { referenceableHandler } from "../flavors/referenceable.js";
import { batchHandler } from "../flavors/stream-items.js";
import { isStream, streamHandler } from "../flavors/stream-source.js";
import { localHandler, remoteHandler } from "../flavors/reference-handlers.js";
import { brokerLimits, changeLimits } from "../limits.js";
import type { BrokerLimits } from "../limits.js";
import { EventRate } from "./event-rate.js";
import { MemoryPool } from "./memory.js";
import { SharedCodecs } from "./shared-codecs.js";
import { requireRootSource } from "./root-source.js";
import type { RootSource } from "./root-source.js";
import { describeError, describeSafely, failureHandler, remoteErrorHandler } from "../wire/failure.js";
import type { ErrorDescription, RemoteError } from "../wire/failure.js";
import { kwargsHandler } from "../wire/kwargs.js";
import { thisCopy } from "../this-copy.js";

export interface BrokerOptions {
  /**
   * The object the peer gets by `getRootObject()`. Default: none; calls of the peer to it fail with "Invalid Object
   * ID".
   */
  readonly root?: RootSource | undefined;
  /** The types of the application. More types may be registered while connections are open. */
  readonly types?: TypeRegistry | undefined;
  readonly policy?: SecurityPolicy | undefined;
  /** How integers, floats and dicts are read: `{ dicts: "map" }`. Default: as @pb/jelly-types reads them. */
  readonly exactness?: Partial<Exactness> | undefined;
  /**
   * What to do with an instance of a class that is neither registered nor allowed by the policy. `refuse`: the call
   * fails. `keep`: it arrives as an `UnknownCopy`. Default `refuse`.
   */
  readonly unknownCopies?: "refuse" | "keep" | undefined;
  readonly limits?: Partial<BrokerLimits> | undefined;
  /** Dialects in order of preference. Default: `pb`, `none`. */
  readonly dialects?: readonly Dialect[] | undefined;
  /** Decides what a peer learns about an error. Default {@link describeError}. */
  readonly describeError?: ((error: unknown) => ErrorDescription) | undefined;
  /**
   * Classes for errors of the peer. With `{ "shop.OutOfStock": OutOfStock }`, a call rejects with an `OutOfStock` when
   * the peer raised that class or one derived from it. The class is constructed with the message, and with the
   * `RemoteError` as its cause.
   */
  readonly errorClasses?:
    Readonly<Record<string, new (message: string, options: { cause: RemoteError }) => Error>> | undefined;
  /**
   * Sends an error of a registered class as a copy alone, as Twisted does. Set it where all peers have registered the
   * class: a Python peer that has not closes its connection. By default, the error is sent as a plain failure with the
   * name of the class, which a peer of this library with that class converts to it. Default false.
   */
  readonly errorCopies?: boolean | undefined;
  /**
   * Sends the stacks of errors to the peer, which reveals internals of this program (`unsafeTracebacks` of Twisted).
   * Default false.
   */
  readonly unsafeTracebacks?: boolean | undefined;
  /**
   * Whether both ends may use what this implementation has beyond Twisted's protocol: an end announces that it will
   * close, and why. Each end publishes an object with the name `pbx` for it, which stock peers do not call. Default
   * true.
   */
  readonly extensions?: boolean | undefined;
  /**
   * `required` refuses calls of `remote_`, `perspective_` and `view_` methods that their classes do not declare in
   * `static accepts`: they do not exist for the peer. Updates of caches are checked where they are declared. Default:
   * methods without a declaration take any arguments.
   */
  readonly validate?: "required" | undefined;
  /** Records where each reference arrived, for `leakReport()`. Slow; meant for finding leaks. Default false. */
  readonly traceReferences?: boolean | undefined;
  /** Hooks for metrics, logs and spans of calls. Default: none, which costs nothing. */
  readonly telemetry?: Telemetry | undefined;
  /**
   * Called with every {@link BrokerEvent}, and with the connection that it is about: undefined for the few that are
   * about none. An error that it throws becomes an uncaught exception, as in an event listener.
   */
  readonly onEvent?: ((event: BrokerEvent, connection?: Connection) => void) | undefined;
}

const optionKinds: OptionKinds<BrokerOptions> = {
  root: "any",
  types: TypeRegistry,
  policy: SecurityPolicy,
  exactness: "object",
  unknownCopies: ["refuse", "keep"],
  limits: "object",
  dialects: "list",
  describeError: "function",
  errorClasses: "object",
  errorCopies: "boolean",
  unsafeTracebacks: "boolean",
  extensions: "boolean",
  validate: ["required"],
  traceReferences: "boolean",
  telemetry: "object",
  onEvent: "function",
};

/**
 * How many lost attributes are reported, and how many reasons of objects that peers could not send. A peer can invent
 * any number of reasons.
 */
const MOST_REPORTED = 100;

type ErrorClass = new (message: string, options: { cause: RemoteError }) => Error;

/** {@link BrokerOptions} with all defaults filled in. Create it once for many connections. */
export class BrokerConfig {
  readonly root: RootSource | undefined;
  readonly types: TypeRegistry;
  readonly policy: SecurityPolicy | undefined;
  readonly exactness: Exactness;
  readonly unknownCopies: "refuse" | "keep";
  readonly limits: BrokerLimits;
  /** The memory of the peers that have to log in and have not, on all connections with these options. */
  readonly strangers: MemoryPool = new MemoryPool("strangersHeapBytes");
  readonly dialects: readonly Dialect[];
  readonly codecs: SharedCodecs;
  /** The limits of the codec. Frozen, so that all connections share one completed object. */
  readonly sessionLimits: Partial<BananaLimits>;
  readonly describeError: (error: unknown) => ErrorDescription;
  readonly errorClasses: ReadonlyMap<string, ErrorClass>;
  readonly errorCopies: boolean;
  readonly extensions: boolean;
  readonly validate: "required" | undefined;
  /** May change at any time. */
  traceReferences: boolean;
  readonly hooks: CallHooks | undefined;
  readonly onEvent: (event: BrokerEvent, connection?: Connection) => void;
  readonly #unreadable = new EventRate();
  readonly #notUnderstood = new EventRate();
  readonly #unanswered = new EventRate();
  /** Names of registered classes, of which entries were dropped. */
  readonly #droppedTypes = new Set<string>();
  /** Attributes that were reported as lost. */
  readonly #lostAttributes = new Set<string>();
  /** Reasons of `Unpersistable`s that were reported. */
  readonly #unpersistable = new Set<string>();

  /** The names of all options, for errors about options that are given in the wrong place. */
  static readonly optionNames: readonly string[] = Object.keys(optionKinds);

  /** Throws `TypeError` for an unknown name, a value of the wrong kind, and a number that is not in its range. */
  constructor(options: BrokerOptions = {}) {
    checkOptions(options, optionKinds);
    if (options.root !== undefined) requireRootSource(options.root);
    const describe = options.describeError === undefined ? describeError : this.#describeWith(options.describeError);
    this.root = options.root;
    this.types = withFlavors(options.types);
    this.policy = options.policy;
    this.exactness = completeExactness(options.exactness);
    this.unknownCopies = options.unknownCopies ?? "refuse";
    this.limits = brokerLimits(options.limits);
    this.sessionLimits = Object.freeze({ expressionBytes: this.limits.messageBytes, ...this.limits.banana });
    this.codecs = new SharedCodecs(this);
    this.dialects = options.dialects ?? [pb, none];
    requireDialects(this.dialects);
    this.describeError = (error) => describeSafely(describe, error, options.unsafeTracebacks === true);
    this.errorClasses = new Map(Object.entries(options.errorClasses ?? {}));
    for (const [name, type] of this.errorClasses)
      if (typeof type !== "function") throw new TypeError(`The option errorClasses: ${name} must be a class`);
    this.errorCopies = options.errorCopies ?? false;
    this.extensions = options.extensions ?? true;
    this.validate = options.validate;
    this.traceReferences = options.traceReferences ?? false;
    this.hooks = this.#hooksOf(options.telemetry);
    this.onEvent = options.onEvent === undefined ? () => undefined : isolate(options.onEvent);
  }

  /** Bytes of one message, of a peer that has logged in if it has to. */
  get messageBytes(): number {
    return this.sessionLimits.expressionBytes!;
  }

  /** Changes limits of all connections with these options: see `changeLimits` of `limits.ts`. */
  changeLimits(limits: Partial<BrokerLimits>): void {
    changeLimits(this.limits, limits);
  }

  #hooksOf(telemetry: Telemetry | undefined): CallHooks | undefined {
    if (telemetry === undefined) return undefined;
    checkOptions<Telemetry>(telemetry, { outgoing: "function", incoming: "function" });
    if (telemetry.incoming !== undefined) runningCalls.areUsed = true;
    return new CallHooks(telemetry, (error, connection) => this.reportError(error, connection));
  }

  /**
   * Converts an error of the peer to the nearest class in `errorClasses`. Returns the error itself when there is none.
   */
  localError(error: RemoteError): Error {
    for (const name of [error.remoteType, ...error.parents]) {
      const type = this.errorClasses.get(name);
      if (type !== undefined) return new type(error.message, { cause: error });
    }
    return error;
  }

  /** Reports an error of the program that belongs to no call. */
  reportError(error: unknown, connection?: Connection): void {
    this.onEvent({ kind: "callback-failed", error }, connection);
  }

  /** Reports entries of a received state that were dropped, once for each class. */
  reportDropped(type: string, names: readonly string[], connection?: Connection): void {
    if (this.#droppedTypes.has(type)) return;
    this.#droppedTypes.add(type);
    this.onEvent({ kind: "state-dropped", type, names }, connection);
  }

  /** Reports a call whose arguments could not be read, if there were few. */
  reportUnreadable(method: string, error: unknown, connection?: Connection): void {
    this.#unreadable.limit((omitted) => this.onEvent({ kind: "call-unreadable", method, error, omitted }, connection));
  }

  /** Reports a call without an answer that failed with an error for its caller, if there were few. */
  reportUnanswered(method: string, error: unknown, connection?: Connection): void {
    this.#unanswered.limit((omitted) => this.onEvent({ kind: "method-failed", method, error, omitted }, connection));
  }

  /** Reports that the peer did not understand a message, if there were few. */
  reportNotUnderstood(what: string, connection?: Connection): void {
    this.#notUnderstood.limit((omitted) => this.onEvent({ kind: "not-understood", what, omitted }, connection));
  }

  /** Reports an attribute that a Twisted peer loses, once. */
  reportLost(type: string, name: string, connection?: Connection): void {
    const attribute = `${type} ${name}`;
    if (this.#lostAttributes.has(attribute) || this.#lostAttributes.size >= MOST_REPORTED) return;
    this.#lostAttributes.add(attribute);
    this.onEvent({ kind: "attribute-lost", type, name }, connection);
  }

  /** Reports an object that a peer could not send, once for each reason. */
  reportUnpersistable(reason: string, connection?: Connection): void {
    const shown = printable(reason);
    if (this.#unpersistable.has(shown) || this.#unpersistable.size >= MOST_REPORTED) return;
    this.#unpersistable.add(shown);
    this.onEvent({ kind: "unpersistable", reason: shown }, connection);
  }

  /** Reports a `describeError` that throws, or describes nothing: the peer then learns nothing about an error. */
  #describeWith(describe: (error: unknown) => ErrorDescription): (error: unknown) => ErrorDescription {
    return (error) => {
      let description: unknown;
      this.runCallback(() => {
        description = describe(error);
        if (description instanceof Promise) description.catch(() => undefined);
        if (typeof description !== "object" || description === null || !("type" in description))
          throw new TypeError("describeError must return an object with the properties type, message and parents");
      });
      return description as ErrorDescription;
    };
  }

  /** Runs a callback of the program. Reports its error to `onEvent`, also when its promise rejects. */
  runCallback(callback: () => unknown, connection?: Connection): void {
    try {
      const result = callback();
      if (result instanceof Promise) result.catch((error: unknown) => this.reportError(error, connection));
    } catch (error) {
      this.reportError(error, connection);
    }
  }

  static of(options: BrokerOptions | BrokerConfig | undefined): BrokerConfig {
    if (options instanceof BrokerConfig) return options;
    requireOwnCopy(options, BrokerConfig);
    return new BrokerConfig(options);
  }

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}

function requireDialects(dialects: readonly unknown[]): void {
  const areDialects = dialects.every((dialect) => typeof (dialect as Partial<Dialect> | null)?.name === "string");
  if (!areDialects || dialects.length === 0)
    throw new TypeError("The option dialects must be a list of at least one dialect, such as [pb, none]");
}

/** Wraps `onEvent`, so that an error that it throws does not reach the connection. */
function isolate(onEvent: BrokerConfig["onEvent"]): BrokerConfig["onEvent"] {
  return (event, connection) => {
    try {
      onEvent(event, connection);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  };
}

/** Also writes streams, which need not be of a class. */
class TypesOfConnections extends TypeRegistry {
  override writing(value: object): WritingHandler | undefined {
    return super.writing(value) ?? (isStream(value) ? (streamHandler as WritingHandler) : undefined);
  }
}

/** The types of the application and, with priority, the flavors. */
function withFlavors(types: TypeRegistry | undefined): TypeRegistry {
  return new TypesOfConnections(types)
    .register(referenceableHandler)
    .register(viewableHandler)
    .register(avatarHandler)
    .register(remoteHandler)
    .register(localHandler)
    .register(copyableHandler)
    .register(cacheableHandler)
    .register(cacheHandler)
    .register(batchHandler)
    .register(promiseHandler)
    .register(kwargsHandler)
    .register(failureHandler)
    .register(remoteErrorHandler);
}
