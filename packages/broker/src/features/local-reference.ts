// A local object behind the interface of a reference, so that one program runs in one process or in two.

import { Tuple } from "@pb/jelly-types";
import { giveUpOn } from "../calls/abandon.js";
import { CopyingReference } from "./loopback-reference.js";
import type { CallOptions } from "../calls/call-options.js";
import { DeadReferenceError } from "../errors.js";
import { calledAs, describeError, RemoteError } from "../wire/failure.js";
import { Kwargs } from "../wire/kwargs.js";
import { Avatar } from "../flavors/perspective.js";
import type { CallReceiver } from "../flavors/perspective.js";
import { Referenceable } from "../flavors/referenceable.js";
import { callsOf } from "../flavors/remote-reference.js";
import type {
  Reference,
  RemoteArguments,
  RemoteCalls,
  RemoteMethods,
  RemoteName,
  RemoteResult,
} from "../flavors/remote-reference.js";

import type { BrokerOptions } from "../engine/config.js";
import type { PendingCall } from "../calls/pending-calls.js";

/**
 * A reference to an object of this process ({@link asLocal}). Calls run in later turns, in the order they were made, as those of a connection
 * do; errors arrive as `RemoteError`s with the error itself as their cause; a Referenceable in arguments and results becomes a reference, a
 * reference that comes home becomes the object. Everything else is handed over as it is, not copied.
 */
export class LocalReference<T = RemoteMethods> implements Reference<T> {
  readonly #object: CallReceiver;
  #isReleased = false;
  #calls: RemoteCalls<T> | undefined;

  /** For {@link asLocal}, which makes one for each object. */
  constructor(object: CallReceiver) {
    this.#object = object;
  }

  get isAlive(): boolean {
    return !this.#isReleased;
  }

  callRemote<Name extends RemoteName<T>>(
    name: Name,
    ...args: RemoteArguments<T, Name>
  ): Promise<RemoteResult<T, Name>> {
    return this.callRemoteWith({}, name, ...args);
  }

  async callRemoteWith<Name extends RemoteName<T>>(
    { signal, timeoutMs }: CallOptions,
    name: Name,
    ...args: RemoteArguments<T, Name>
  ): Promise<RemoteResult<T, Name>> {
    signal?.throwIfAborted();
    const answered = new Promise<unknown>((resolve, reject) => {
      const pending: PendingCall = { id: 0, resolve, reject, pins: this, perspective: null };
      if (signal !== undefined || timeoutMs !== undefined) giveUpOn(pending, name, { signal, timeoutMs });
      this.#answer(name, args).then(
        (value) => pending.resolve(value),
        (error: unknown) => pending.reject(error),
      );
    });
    try {
      return (await answered) as RemoteResult<T, Name>;
    } catch (error) {
      throw calledAs(name, error);
    }
  }

  sendRemote<Name extends RemoteName<T>>(name: Name, ...args: RemoteArguments<T, Name>): void {
    if (this.#isReleased) throw new DeadReferenceError("The reference was released");
    this.#answer(name, args).catch(() => undefined);
  }

  remoteMethod<Name extends RemoteName<T>>(
    name: Name,
  ): (...args: RemoteArguments<T, Name>) => Promise<RemoteResult<T, Name>> {
    return (...args) => this.callRemote(name, ...args);
  }

  get call(): RemoteCalls<T> {
    return (this.#calls ??= callsOf((name) => this.remoteMethod(name as RemoteName<T>)) as RemoteCalls<T>);
  }

  /** Never: there is no connection to lose. */
  notifyOnDisconnect(): Disposable {
    return { [Symbol.dispose]: () => undefined };
  }

  /** At once: nothing is queued. */
  async drained(): Promise<void> {}

  [Symbol.dispose](): void {
    this.#isReleased = true;
    if (references.get(this.#object) === (this as unknown)) references.delete(this.#object);
  }

  /** The object behind a reference. */
  static homeOf(reference: LocalReference): object {
    return reference.#object;
  }

  async #answer(method: string, args: readonly unknown[]): Promise<unknown> {
    if (this.#isReleased) throw new DeadReferenceError("The reference was released");
    const inside = args.map((arg) => cross(arg));
    const last = inside.at(-1);
    const kwargs = last instanceof Kwargs ? last : undefined;
    if (kwargs !== undefined) inside.pop();
    await Promise.resolve(); // in a later turn, as over a connection
    try {
      return cross((await this.#object.receiveCall({ method, args: inside, kwargs })) ?? null);
    } catch (error) {
      throw asRemoteError(error);
    }
  }
}

// One reference for each object, as over a connection; not state anybody can observe.
const references = new WeakMap<object, LocalReference>();

export interface LocalOptions {
  /**
   * Sends everything through a connection within the process, with these options at both ends: arguments and results are copied, cached and
   * refused exactly as on the wire. Default: nothing is copied.
   */
  readonly copy?: Omit<BrokerOptions, "root"> | undefined;
}

/**
 * The interface of a reference on an object of this process: a `Referenceable`, an `Avatar`, whatever has `receiveCall`. What runs with a
 * reference from a connection runs with this, too.
 */
export function asLocal<T extends CallReceiver>(object: T, { copy }: LocalOptions = {}): Reference<T> {
  if (copy !== undefined) return new CopyingReference(object, copy) as unknown as Reference<T>;
  return localReference(object) as unknown as Reference<T>;
}

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

/** What the other side gets: references for objects and objects for references; the very same value where there are none in it. */
function cross(value: unknown): unknown {
  return mustCross(value, new Set()) ? crossed(value, new Map()) : value;
}

function isCrossing(value: object): boolean {
  return value instanceof LocalReference || value instanceof Referenceable || value instanceof Avatar;
}

function mustCross(value: unknown, seen: Set<object>): boolean {
  if (typeof value !== "object" || value === null || seen.has(value)) return false;
  if (isCrossing(value)) return true;
  seen.add(value);
  return partsOf(value).some((part) => mustCross(part, seen));
}

/** What a container contains. */
function partsOf(value: object): unknown[] {
  if (Array.isArray(value)) return value;
  if (value instanceof Map) return [...value.values()];
  return isPlain(value) ? Object.values(value) : [];
}

function crossed(value: unknown, done: Map<object, unknown>): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof LocalReference) return LocalReference.homeOf(value as LocalReference);
  if (isCrossing(value)) return localReference(value as CallReceiver);
  if (done.has(value)) return done.get(value);
  if (Array.isArray(value)) {
    const copy: unknown[] = value instanceof Tuple ? new Tuple() : [];
    done.set(value, copy);
    for (const item of value as unknown[]) copy.push(crossed(item, done));
    return copy;
  }
  if (value instanceof Map) {
    const copy = new Map<unknown, unknown>();
    done.set(value, copy);
    for (const [key, item] of value as Map<unknown, unknown>) copy.set(key, crossed(item, done));
    return copy;
  }
  if (!isPlain(value)) return value;
  const copy = Object.create(Object.getPrototypeOf(value) as object | null) as Record<string, unknown>;
  done.set(value, copy);
  for (const [key, item] of Object.entries(value)) {
    const property = { value: crossed(item, done), writable: true, enumerable: true, configurable: true };
    Object.defineProperty(copy, key, property);
  }
  return copy;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || prototype === Kwargs.prototype;
}
