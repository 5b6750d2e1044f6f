// A local object behind the interface of a reference, so that the same program runs in one process or in two.

import { addDisposal, madeBy, onDispose, requireOwnCopy } from "@pb/banana";
import type { PackageCopy } from "@pb/banana";
import { checkOptions, JellyError } from "@pb/jelly-types";
import { checkCallOptions } from "../calls/call-options.js";
import type { CallOptions } from "../calls/call-options.js";
import type { Callable, Connection, Perspective } from "../calls/callable.js";
import { remoteCalls } from "../calls/remote-calls.js";
import { withDeadline } from "../deadline.js";
import { BrokerConfig } from "../engine/config.js";
import { requireCallable, requireName } from "../engine/root-source.js";
import type { BrokerOptions } from "../engine/config.js";
import { callTimeout, DeadReferenceError } from "../errors.js";
import { Avatar, Viewable } from "../flavors/perspective.js";
import type { CallReceiver } from "../flavors/perspective.js";
import { Referenceable } from "../flavors/referenceable.js";
import { RemoteCaller } from "../flavors/remote-reference.js";
import type {
  Reference,
  RemoteArguments,
  RemoteCalls,
  RemoteMethods,
  RemoteName,
  RemoteResult,
} from "../flavors/remote-reference.js";
import { calledAs, describeError, RemoteError } from "../wire/failure.js";
import { containsPromise, resolvePromises } from "../wire/promised-results.js";
import { localArguments, localResult } from "./local-values.js";
import type { LocalArguments } from "./local-values.js";
import { LoopbackReference } from "./loopback-reference.js";
import { thisCopy } from "../this-copy.js";

export interface LocalOptions {
  /**
   * Sends everything over a connection within the process, with these options at both ends: arguments and results are
   * copied and cached exactly as on the wire. Default: values are refused and change as on the wire, but what does not
   * change is not copied.
   */
  readonly copy?: Omit<BrokerOptions, "root"> | undefined;
}

/**
 * Returns a reference to an object of this process: to a `Referenceable`, an `Avatar`, or any other object with
 * `receiveCall`. A program that uses a reference from a connection can use this one instead.
 */
export function asLocal<T extends CallReceiver>(object: T, options: LocalOptions = {}): Reference<T> {
  checkOptions(options, { copy: "object" }, { copy: BrokerConfig.optionNames });
  requireCallable("The object of asLocal", object);
  const { copy } = options;
  if (copy !== undefined) return new LoopbackReference(object, copy) as unknown as Reference<T>;
  return localReference(object) as unknown as Reference<T>;
}

/**
 * A reference to an object of this process. Calls run in a later turn, in the order in which they were made, as over a
 * connection. Errors arrive as `RemoteError`s, with the original error as their cause. Values are refused and change as
 * over a connection: an object becomes a reference, a reference that is sent back the object, a `Date` a `DateTime`.
 * Whatever does not change is passed as it is, without a copy; so are copies, caches and objects of unknown classes.
 */
class LocalReference<T = RemoteMethods> implements Reference<T> {
  static {
    addDisposal(this);
  }

  readonly #object: CallReceiver;
  #isReleased = false;
  #calls: RemoteCalls<T> | undefined;

  constructor(object: CallReceiver) {
    this.#object = object;
  }

  get isAlive(): boolean {
    return !this.#isReleased;
  }

  get call(): RemoteCalls<T> {
    return (this.#calls ??= remoteCalls((name, args) => this.#call(name, args, {})) as RemoteCalls<T>);
  }

  callRemote<Name extends RemoteName<T>>(
    name: Name & RemoteName<T, Name>,
    ...args: RemoteArguments<T, Name>
  ): Promise<RemoteResult<T, Name>> {
    return this.#call(name, args, {}) as Promise<RemoteResult<T, Name>>;
  }

  with(options: CallOptions): RemoteCaller<T> {
    checkCallOptions(options);
    return new RemoteCaller((name, args) => this.#call(name, args, options));
  }

  sendRemote<Name extends RemoteName<T>>(name: Name, ...args: RemoteArguments<T, Name>): void {
    this.#answer(name, args, false).catch(() => undefined);
  }

  /** Does nothing: there is no connection that could end. */
  notifyOnDisconnect(): Disposable {
    return onDispose(() => undefined);
  }

  /** Resolves at once: nothing is queued. */
  async drained(): Promise<void> {}

  [Symbol.dispose](): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    if (references.get(this.#object) === (this as unknown)) references.delete(this.#object);
    void this.#unreference();
  }

  /** As that of a `RemoteReference`. */
  get [Symbol.toStringTag](): string {
    return LocalReference.name;
  }

  /** The object behind a reference. */
  static homeOf(reference: LocalReference): object {
    if (reference.#isReleased)
      throw new JellyError("JELLY_NOT_JELLYABLE", "A reference that was released cannot be sent");
    return reference.#object;
  }

  async #call(name: string, args: readonly unknown[], options: CallOptions): Promise<unknown> {
    try {
      const timeoutError = (timeoutMs: number): Error => callTimeout(name, timeoutMs);
      return await withDeadline(options, timeoutError, () => this.#answer(name, args, true));
    } catch (error) {
      throw calledAs(name, error);
    }
  }

  /** Throws what a call over a connection throws before anything is sent. */
  #answer(method: string, args: readonly unknown[], wantsAnswer: boolean): Promise<unknown> {
    if (this.#isReleased) throw new DeadReferenceError("The reference was released");
    requireName("The name of a method", method);
    const received = localArguments(args, (object) => counterpartOf(object, null));
    return this.#run(method, received, wantsAnswer);
  }

  /** Tells the object after the calls that were made before, unless there is a new reference to it. */
  async #unreference(): Promise<void> {
    await Promise.resolve();
    const object: Partial<Callable> = this.#object;
    if (!references.has(object)) (config ??= new BrokerConfig()).runCallback(() => object.unreferenced?.(thisProcess));
  }

  async #run(method: string, { args, kwargs }: LocalArguments, wantsAnswer: boolean): Promise<unknown> {
    await Promise.resolve(); // The method runs in a later turn, as over a connection.
    try {
      const result: unknown = await this.#object.receiveCall({ method, args, kwargs, wantsAnswer });
      const resolved = containsPromise(result) ? await resolvePromises(result) : result;
      if (!wantsAnswer) return undefined;
      const perspective = perspectiveOf(this.#object);
      return localResult(resolved, perspective, (object) => counterpartOf(object, perspective));
    } catch (error) {
      throw asRemoteError(error);
    }
  }

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}

/** Reports an error that `unreferenced` of an object throws, as a connection does by default. */
let config: BrokerConfig | undefined;

/** One reference per object, as over a connection. */
const references = new WeakMap<object, LocalReference>();

function localReference(object: CallReceiver): LocalReference {
  let reference = references.get(object);
  if (reference === undefined) references.set(object, (reference = new LocalReference(object)));
  return reference;
}

function asRemoteError(error: unknown): unknown {
  if (error instanceof RemoteError) return error;
  const remote = new RemoteError(describeError(error));
  remote.cause = error;
  return remote;
}

/** The perspective for which the results of an object are written, as over a connection. */
function perspectiveOf(object: CallReceiver): Perspective {
  return object instanceof Avatar ? object : ((object as Partial<Callable>).perspective ?? null);
}

function counterpartOf(object: object, perspective: Perspective): object | undefined {
  if (object instanceof LocalReference) return LocalReference.homeOf(object as LocalReference);
  if (object instanceof Referenceable || object instanceof Avatar) return localReference(object);
  if (object instanceof Viewable && perspective !== null) return localReference(object.viewPointFor(perspective));
  requireOwnCopy(object, Referenceable);
  return undefined;
}

/** What `unreferenced` of an object gets: there is no connection that could end. */
const thisProcess: Connection = {
  isOpen: true,
  peer: { description: "this process", isEncrypted: true },
  publish: () => onDispose(() => undefined),
  notifyOnDisconnect: () => onDispose(() => undefined),
  drained: () => Promise.resolve(),
  terminate: () => undefined,
  admitLogin: () => Promise.resolve(onDispose(() => undefined)),
};
