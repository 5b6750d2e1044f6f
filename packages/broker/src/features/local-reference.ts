// A local object behind the interface of a reference, so that the same program runs in one process or in two.

import { addDisposal, dispose, madeBy, onDispose, refuseProxies, requireOwnCopy } from "@pb/banana";
import type { PackageCopy } from "@pb/banana";
import { checkOptions, hasReadableClass, JellyError, printable } from "@pb/jelly-types";
import { checkCallOptions } from "../calls/call-options.js";
import type { CallOptions } from "../calls/call-options.js";
import type { Callable, Connection, Perspective } from "../calls/callable.js";
import { Canceled, isCanceled } from "../calls/extension-errors.js";
import { remoteCalls } from "../calls/remote-calls.js";
import type { ContractBinder } from "../calls/remote-calls.js";
import { withDeadline } from "../deadline.js";
import { BrokerConfig } from "../engine/config.js";
import { requireCallable, requireName } from "../engine/root-source.js";
import type { BrokerOptions } from "../engine/config.js";
import { callTimeout, isExpected, releasedError } from "../errors.js";
import type { BrokerEvent } from "../events.js";
import { Avatar, Viewable } from "../flavors/perspective.js";
import type { CallReceiver } from "../flavors/perspective.js";
import { Referenceable } from "../flavors/referenceable.js";
import { PipelinedReference } from "../flavors/pipelined.js";
import { RemoteCaller } from "../flavors/remote-reference.js";
import { Batch } from "../flavors/stream-items.js";
import { addIteration, noteSignal, readStream } from "../flavors/stream-reader.js";
import type { StreamReader } from "../flavors/stream-reader.js";
import { cancelNext, discardStream, StreamSource } from "../flavors/stream-source.js";
import type { RemoteArguments, RemoteCalls, RemoteMethods, RemoteName, RemoteResult } from "../flavors/call-types.js";
import type { Pipelined, Reference } from "../flavors/remote-reference.js";
import { calledAs, describeError, describeSafely, RemoteError } from "../wire/failure.js";
import { containsPromise, isThenable, settlePromises } from "../wire/promised-results.js";
import { LocalCall } from "./local-call.js";
import { LocalSpace } from "./local-space.js";
import { isSentAsStream, localArguments, localItems, localResult, resolveResult } from "./local-values.js";
import type { Exchange, LocalArguments, LocalWriting } from "./local-values.js";
import { LoopbackReference } from "./loopback-reference.js";
import { printErrors } from "./print-errors.js";
import { collectStats } from "../engine/collect-stats.js";
import { requireCallback } from "../subscriptions.js";
import { thisCopy } from "../this-copy.js";

export interface LocalOptions {
  /**
   * Sends everything over a connection within the process, with these options at both ends: arguments and results are
   * copied and cached exactly as on the wire. Default: values are refused and change as on the wire, but what does not
   * change is not copied.
   */
  readonly copy?: Omit<BrokerOptions, "root"> | undefined;
  /**
   * Called with each error that no caller receives: of a method that was called by `sendRemote`, of a call whose caller
   * has stopped waiting, of `unreferenced`. Default: it is printed with `console.warn`.
   */
  readonly onEvent?: ((event: BrokerEvent) => void) | undefined;
}

/**
 * Returns a reference to an object of this process: to a `Referenceable`, an `Avatar`, or any other object with
 * `receiveCall`. A program that uses a reference from a connection can use this one instead.
 */
export function asLocal<T extends CallReceiver>(object: T, options: LocalOptions = {}): Reference<T> {
  checkOptions(options, { copy: "object", onEvent: "function" }, { copy: BrokerConfig.optionNames });
  requireCallable("The object of asLocal", object);
  const { copy, onEvent } = options;
  if (copy !== undefined)
    return new LoopbackReference(object, { onEvent: onEvent ?? print, ...copy }) as unknown as Reference<T>;
  const space = onEvent === undefined ? (defaultSpace ??= newSpace(print)) : newSpace(onEvent);
  return space.get(object, null) as unknown as Reference<T>;
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
    addIteration(this, (reference) => reference.#read({}));
    refuseProxies(this, (object) => #space in object);
  }

  readonly #space: Space;
  readonly #object: CallReceiver;
  /** The avatar whose method received this reference, or null. Arguments are written for it. */
  readonly #perspective: Perspective;
  #isReleased = false;
  #calls: RemoteCalls<T> | undefined;

  constructor(space: Space, object: CallReceiver, perspective: Perspective) {
    this.#space = space;
    this.#object = object;
    this.#perspective = perspective;
  }

  get isAlive(): boolean {
    return !this.#isReleased;
  }

  get call(): RemoteCalls<T> {
    return (this.#calls ??= remoteCalls((name, args) => this.#call(name, args, {})) as RemoteCalls<T>);
  }

  callRemote<Name extends RemoteName<T>>(
    name: RemoteName<T, Name>,
    ...args: RemoteArguments<T, Name>
  ): Promise<RemoteResult<T, Name>> {
    return this.#call(name, args, {}) as Promise<RemoteResult<T, Name>>;
  }

  pipe<Name extends RemoteName<T>>(
    name: RemoteName<T, Name>,
    ...args: RemoteArguments<T, Name>
  ): Pipelined<RemoteResult<T, Name>> {
    const made: object = new PipelinedReference(this.#call(name, args, {}));
    return made as Pipelined<RemoteResult<T, Name>>;
  }

  with(options: CallOptions): RemoteCaller<T> {
    checkCallOptions(options);
    return new RemoteCaller(
      (name, args) => this.#call(name, args, options),
      options,
      (name, args) => new PipelinedReference(this.#call(name, args, options)),
      () => this.#read(options),
    );
  }

  #read(options: CallOptions): StreamReader {
    const next = (count: number, signal: AbortSignal): Promise<unknown> => this.#call("next", [count], { signal });
    const origin = { next, release: () => this[dispose]() };
    return readStream(this, origin, options);
  }

  as<Caller>(contract: ContractBinder<Caller>): Caller {
    return contract.bindTo((name, args) => this.#call(name, args, {}));
  }

  sendRemote<Name extends RemoteName<T>>(name: Name, ...args: RemoteArguments<T, Name>): void {
    const { traceparent, tracestate, baggage } = RemoteCaller.inherit<CallOptions>({});
    const trace = { traceparent, tracestate, baggage };
    this.#start(name, args, false, trace).catch((error: unknown) => this.#report(name, error));
  }

  /** Never calls back: there is no connection that could end. */
  notifyOnDisconnect(callback: (reference: this) => void): Disposable {
    requireCallback(callback);
    return onDispose(() => undefined);
  }

  /** Resolves at once: nothing is queued. */
  async drained(): Promise<void> {}

  [Symbol.dispose](): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#space.release(this.#object, this.#perspective, this);
  }

  /** As that of a `RemoteReference`. */
  get [Symbol.toStringTag](): string {
    return LocalReference.name;
  }

  static isStream(value: unknown): value is LocalReference {
    return value instanceof LocalReference && (value as LocalReference).#object instanceof StreamSource;
  }

  /** The object behind a reference. */
  static homeOf(reference: LocalReference): object {
    if (reference.#isReleased)
      throw new JellyError("JELLY_NOT_JELLYABLE", "A reference that was released cannot be sent");
    return reference.#object instanceof StreamSource ? reference.#object.home : reference.#object;
  }

  async #call(name: string, args: readonly unknown[], given: CallOptions): Promise<unknown> {
    const options = RemoteCaller.inherit(given);
    try {
      const timeoutError = (timeoutMs: number): Error => callTimeout(name, timeoutMs);
      const result = await withDeadline(
        options,
        timeoutError,
        (signal) => {
          const answer = this.#start(name, args, true, { ...options, signal });
          answer.catch((error: unknown) => {
            // The caller has stopped waiting, and the method may have failed for that reason.
            if (signal.aborted && !isCanceled(error)) this.#report(name, error);
          });
          return answer;
        },
        releaseStream,
      );
      if (options.signal !== undefined) noteSignal(result, options.signal);
      return result;
    } catch (error) {
      // The clock of the method may be the first that notices the deadline.
      const isOver = options.timeoutMs !== undefined && isCanceled(error);
      throw isOver ? callTimeout(name, options.timeoutMs) : calledAs(name, error);
    }
  }

  /** Reports an error that no caller receives. */
  #report(name: string, error: unknown): void {
    const { config } = this.#space;
    const thrown = error instanceof RemoteError && error.cause !== undefined ? error.cause : error;
    if (isExpected(thrown)) config.reportUnanswered(printable(name), thrown);
    else config.onEvent({ kind: "method-failed", method: printable(name), error: thrown }, undefined);
  }

  /** Throws what a call over a connection throws before anything is sent. */
  #start(method: string, args: readonly unknown[], wantsAnswer: boolean, options: CallOptions): Promise<unknown> {
    if (this.#isReleased) throw releasedError();
    requireName("The name of a method", method);
    const receiver = perspectiveOf(this.#object);
    const exchange = this.#exchange(this.#perspective, receiver);
    const received = localArguments(args, this.#writingFor(this.#perspective), exchange);
    const call = new LocalCall(thisProcess, receiver, options);
    return this.#run(method, received, receiver, wantsAnswer, call);
  }

  async #run(
    method: string,
    { args, kwargs }: LocalArguments,
    receiver: Perspective,
    wantsAnswer: boolean,
    call: LocalCall,
  ): Promise<unknown> {
    await Promise.resolve(); // The method runs in a later turn, as over a connection.
    try {
      const returned = call.run(this.#object, { method, args, kwargs, wantsAnswer });
      if (this.#object instanceof StreamSource) call.onCancel(() => cancelNext(returned as object));
      const result = isThenable(returned) ? await returned : returned;
      const writing = this.#writingFor(receiver);
      if (!wantsAnswer) this.#discard(result);
      if (!wantsAnswer) return containsPromise(result) ? await settlePromises(result) : undefined;
      const resolved = containsPromise(result) ? await resolveResult(result, writing) : result;
      const exchange = this.#exchange(receiver, this.#perspective);
      if (Batch.is(resolved)) return localItems(resolved, writing, exchange);
      return localResult(resolved, writing, exchange);
    } catch (error) {
      throw asRemoteError(call.hasCanceled(error) ? new Canceled() : error);
    } finally {
      call.finish();
    }
  }

  /** Closes a result that is a stream and is not sent, because its caller does not wait anymore. */
  #discard(result: unknown): void {
    if (typeof result === "object" && result !== null && isSentAsStream(result))
      discardStream(result).catch((error: unknown) => this.#space.config.reportError(error));
  }

  #writingFor(perspective: Perspective): LocalWriting {
    return { perspective, messageBytes: this.#space.config.limits.messageBytes };
  }

  /** What becomes of the objects in one call or one result: a stream that occurs twice becomes one reference. */
  #exchange(writer: Perspective, reader: Perspective): Exchange {
    const streams = new Map<object, object>();
    return (object) => {
      const counterpart = streams.get(object) ?? this.#counterpartOf(object, writer, reader);
      if (counterpart !== undefined || !isSentAsStream(object)) return counterpart;
      const reference = this.#space.get(new StreamSource(object, this.#space.streams, writer), reader);
      streams.set(object, reference);
      return reference;
    };
  }

  /** What an object becomes that is written for one perspective and read for another. Undefined if it stays. */
  #counterpartOf(object: object, writer: Perspective, reader: Perspective): object | undefined {
    if (object instanceof LocalReference) return LocalReference.homeOf(object as LocalReference);
    if (object instanceof Referenceable || object instanceof Avatar) return this.#space.get(object, reader);
    if (object instanceof Viewable && writer !== null) return this.#space.get(object.viewPointFor(writer), reader);
    requireOwnCopy(object, Referenceable);
    return undefined;
  }

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}

/** Releases a stream that is the result of a call whose caller does not wait anymore. */
function releaseStream(result: unknown): void {
  if (LocalReference.isStream(result)) result[dispose]();
}

function asRemoteError(error: unknown): unknown {
  const isError = hasReadableClass(error);
  if (isError && error instanceof RemoteError) return error;
  const remote = new RemoteError(describeSafely(describeError, error, false));
  remote.cause = isError ? error : undefined;
  return remote;
}

/** The perspective for which the results of an object are written, as over a connection. */
function perspectiveOf(object: CallReceiver): Perspective {
  return object instanceof Avatar ? object : ((object as Partial<Callable>).perspective ?? null);
}

/** What `unreferenced` of an object gets: there is no connection that could end. */
const thisProcess: Connection = {
  id: "this process",
  users: [],
  openedAt: new Date(0),
  stats: () => collectStats(undefined, undefined, { bytesReceived: 0, bytesSent: 0, bytesQueued: 0 }),
  isOpen: true,
  peer: { description: "this process", isEncrypted: true },
  publish: () => onDispose(() => undefined),
  notifyOnDisconnect: () => onDispose(() => undefined),
  drained: () => Promise.resolve(),
  terminate: () => undefined,
  admitLogin: () => Promise.resolve(onDispose(() => undefined)),
};

type Space = LocalSpace<LocalReference>;

const print = printErrors("give asLocal an onEvent to observe this");

/** Of references without an `onEvent` of their own: one reference per object, as over a connection. */
let defaultSpace: Space | undefined;

function newSpace(onEvent: (event: BrokerEvent) => void): Space {
  const space: Space = new LocalSpace(
    new BrokerConfig({ onEvent }),
    thisProcess,
    (object, perspective) => new LocalReference(space, object as CallReceiver, perspective),
  );
  return space;
}
