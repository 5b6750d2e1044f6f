// A local object behind the interface of a reference, so that the same program runs in one process or in two.

import { addDisposal, madeBy, onDispose, requireOwnCopy } from "@pb/banana";
import type { PackageCopy } from "@pb/banana";
import { checkOptions } from "@pb/jelly-types";
import { checkCallOptions } from "../calls/call-options.js";
import type { CallOptions } from "../calls/call-options.js";
import { withDeadline } from "../deadline.js";
import { BrokerConfig } from "../engine/config.js";
import { remoteCalls } from "../calls/remote-calls.js";
import type { BrokerOptions } from "../engine/config.js";
import { callTimeout, DeadReferenceError } from "../errors.js";
import { Avatar } from "../flavors/perspective.js";
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
import { mapGraph, someObject } from "../wire/graph.js";
import { requireNoKwargs } from "../wire/arguments.js";
import { Kwargs } from "../wire/kwargs.js";
import { containsPromise, resolvePromises } from "../wire/promised-results.js";
import { LoopbackReference } from "./loopback-reference.js";
import { thisCopy } from "../this-copy.js";

export interface LocalOptions {
  /**
   * Sends everything over a connection within the process, with these options at both ends: arguments and results are
   * copied, cached and refused exactly as on the wire. Default: nothing is copied.
   */
  readonly copy?: Omit<BrokerOptions, "root"> | undefined;
}

/**
 * Returns a reference to an object of this process: to a `Referenceable`, an `Avatar`, or any other object with
 * `receiveCall`. A program that uses a reference from a connection can use this one instead.
 */
export function asLocal<T extends CallReceiver>(object: T, options: LocalOptions = {}): Reference<T> {
  checkOptions(options, { copy: "object" }, { copy: BrokerConfig.optionNames });
  const { copy } = options;
  if (copy !== undefined) return new LoopbackReference(object, copy) as unknown as Reference<T>;
  return localReference(object) as unknown as Reference<T>;
}

/**
 * A reference to an object of this process. Calls run in a later turn, in the order in which they were made, as over a
 * connection. Errors arrive as `RemoteError`s, with the original error as their cause. A Referenceable in arguments and
 * results becomes a reference, and a reference that is sent back becomes the object. All other values are passed as
 * they are, without a copy.
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
    if (this.#isReleased) throw new DeadReferenceError("The reference was released");
    this.#answer(name, args, false).catch(() => undefined);
  }

  /** Does nothing: there is no connection that could end. */
  notifyOnDisconnect(): Disposable {
    return onDispose(() => undefined);
  }

  /** Resolves at once: nothing is queued. */
  async drained(): Promise<void> {}

  [Symbol.dispose](): void {
    this.#isReleased = true;
    if (references.get(this.#object) === (this as unknown)) references.delete(this.#object);
  }

  /** As that of a `RemoteReference`. */
  get [Symbol.toStringTag](): string {
    return LocalReference.name;
  }

  /** The object behind a reference. */
  static homeOf(reference: LocalReference): object {
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

  async #answer(method: string, args: readonly unknown[], wantsAnswer: boolean): Promise<unknown> {
    if (this.#isReleased) throw new DeadReferenceError("The reference was released");
    const received = args.map((arg) => exchangeReferences(arg));
    const last = received.at(-1);
    const kwargs = last instanceof Kwargs ? last : undefined;
    if (kwargs !== undefined) received.pop();
    requireNoKwargs(received);
    await Promise.resolve(); // The method runs in a later turn, as over a connection.
    try {
      const result: unknown = await this.#object.receiveCall({ method, args: received, kwargs, wantsAnswer });
      return exchangeReferences((containsPromise(result) ? await resolvePromises(result) : result) ?? null);
    } catch (error) {
      throw asRemoteError(error);
    }
  }

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}

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

/** Replaces objects by references and references by objects. Returns a value without any of them as it is. */
function exchangeReferences(value: unknown): unknown {
  if (!someObject(value, (object) => counterpartOf(object) !== undefined)) return value;
  return mapGraph(value, (object) => {
    const counterpart = counterpartOf(object);
    return counterpart === undefined ? undefined : { value: counterpart };
  });
}

function counterpartOf(object: object): object | undefined {
  if (object instanceof LocalReference) return LocalReference.homeOf(object as LocalReference);
  if (object instanceof Referenceable || object instanceof Avatar) return localReference(object);
  requireOwnCopy(object, Referenceable);
  return undefined;
}
