// The result of a call that is called before it has arrived: `reference.pipe("thing").call.hi()`.

import { addDisposal, dispose, onDispose, refuseProxies } from "@pb/banana";
import type { CallOptions } from "../calls/call-options.js";
import { checkCallOptions } from "../calls/call-options.js";
import type { Connection, Perspective } from "../calls/callable.js";
import { DependencyFailed, NotAReference, NotExpected } from "../calls/extension-errors.js";
import { remoteCalls } from "../calls/remote-calls.js";
import type { ContractBinder } from "../calls/remote-calls.js";
import { withDeadline } from "../deadline.js";
import { callTimeout, ConnectionLostError, releasedError } from "../errors.js";
import type { CallDetails, Expectation } from "../references/graph-context.js";
import { partsOf } from "../references/mentioned-caches.js";
import { requireCallback } from "../subscriptions.js";
import { calledAs, RemoteError } from "../wire/failure.js";
import { Kwargs } from "../wire/kwargs.js";
import { RemoteCaller } from "./remote-reference.js";
import type { RemoteCalls, RemoteMethods } from "./call-types.js";
import type { Reference } from "./remote-reference.js";

/** What a pipelined reference uses of the connection. Local references have none of it. */
export interface PipelineHost {
  readonly connection: Connection;
  /** The perspective for which the calls are written and their answers are read. */
  readonly perspective: Perspective;
  readonly caller: {
    call(target: string, method: string, args: readonly unknown[], details: CallDetails): Promise<unknown>;
    readonly extension: Pipelining | undefined;
  };
}

/** Whether the peer can be called ahead. */
export interface Pipelining {
  /** Whether the peer is known to run calls to results that it has not sent. */
  readonly canPipeline: boolean;
  /** Resolves with the answer of the peer to `hello`. */
  ask(): Promise<unknown>;
}

/** A pipelined reference in an object, because a promise of itself would be a promise of its result. */
export interface MadeLater {
  readonly reference: Reference & Promise<unknown>;
}

type Send = (name: string, args: readonly unknown[], options: CallOptions | undefined) => Promise<unknown>;

/**
 * A promise of the result of a call, and a reference to that result: its methods can be called at once. See
 * `Reference.pipe`.
 */
export class PipelinedReference implements Promise<unknown>, Reference {
  static {
    addDisposal(this);
    refuseProxies(this, (object) => #result in object);
  }

  readonly #host: PipelineHost | undefined;
  readonly #result: Promise<unknown>;
  /** The call whose result this is, while the peer can be called ahead. */
  readonly #expectation: Expectation | undefined;
  /** Resolves with the reference whose result this is, when the call is made later. Then calls go to that. */
  readonly #made: Promise<MadeLater | undefined> | undefined;
  #settled: Reference | undefined;
  #isReleased = false;
  /** Calls that have not been answered: each may still need the result, to be made again. */
  #callsInFlight = 0;
  #calls: RemoteCalls<RemoteMethods> | undefined;

  /**
   * `result` is that of the call which `expectation` belongs to, or of the call which `made` makes later. Without a
   * host and without `made`, calls wait for the result.
   */
  constructor(result: Promise<unknown>, host?: PipelineHost, expectation?: Expectation, made?: Promise<MadeLater>) {
    this.#host = host;
    this.#expectation = expectation;
    this.#made = made?.catch(() => undefined); // Calls learn of the failure from the result.
    this.#result = result;
    // A program that only uses the calls learns of the failure from them.
    result.then((value) => (this.#settled = isReference(value) ? value : undefined)).catch(() => undefined);
  }

  // The promise

  then<Value = unknown, Other = never>(
    onFulfilled?: ((value: unknown) => Value | PromiseLike<Value>) | null,
    onRejected?: ((reason: unknown) => Other | PromiseLike<Other>) | null,
  ): Promise<Value | Other> {
    return this.#result.then(onFulfilled, onRejected);
  }

  catch<Other = never>(onRejected?: ((reason: unknown) => Other | PromiseLike<Other>) | null): Promise<unknown> {
    return this.#result.catch(onRejected);
  }

  finally(onFinally?: (() => void) | null): Promise<unknown> {
    return this.#result.finally(onFinally);
  }

  // The reference

  get isAlive(): boolean {
    if (this.#isReleased || this.#host?.connection.isOpen === false) return false;
    return this.#settled?.isAlive ?? true;
  }

  get call(): RemoteCalls<RemoteMethods> {
    return (this.#calls ??= remoteCalls((name, args) =>
      this.#call(name, args, undefined),
    ) as RemoteCalls<RemoteMethods>);
  }

  callRemote(name: string, ...args: readonly unknown[]): Promise<never> {
    return this.#call(name, args, undefined) as Promise<never>;
  }

  with(options: CallOptions): RemoteCaller {
    checkCallOptions(options);
    return new RemoteCaller(
      (name, args) => this.#call(name, args, options),
      options,
      (name, args) => this.#pipe(name, args, options),
    );
  }

  as<Caller>(contract: ContractBinder<Caller>): Caller {
    return contract.bindTo((name, args) => this.#call(name, args, undefined));
  }

  /** With an answer, which is ignored: a peer that cannot be called ahead would lose a call without one. */
  sendRemote(name: string, ...args: readonly unknown[]): void {
    this.#call(name, args, undefined).catch(() => undefined);
  }

  pipe(name: string, ...args: readonly unknown[]): never {
    return this.#pipe(name, args, undefined) as never;
  }

  notifyOnDisconnect(callback: (reference: this) => void): Disposable {
    requireCallback(callback);
    if (this.#made !== undefined) return this.#notifyLater(this.#made, callback);
    return this.#host?.connection.notifyOnDisconnect(() => callback(this)) ?? onDispose(() => undefined);
  }

  async drained(): Promise<void> {
    await (await this.#made)?.reference.drained();
    await this.#host?.connection.drained();
  }

  /** Releases the result when it has arrived and the calls to it are answered. It cannot be called anymore. */
  [Symbol.dispose](): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#releaseUnused();
  }

  #releaseUnused(): void {
    if (!this.#isReleased || this.#callsInFlight > 0) return;
    this.#result.then((value) => isReference(value) && value[dispose]()).catch(() => undefined);
  }

  get [Symbol.toStringTag](): string {
    return PipelinedReference.name;
  }

  /**
   * A reference to the result of a call that can only be made later. Calls to it are sent directly after that call.
   * `failure` converts the error of the call.
   */
  static later(made: Promise<MadeLater>, failure: (error: unknown) => unknown): PipelinedReference {
    const result = made
      .then(({ reference }) => reference)
      .catch((error: unknown) => {
        throw failure(error);
      });
    return new PipelinedReference(result, undefined, undefined, made);
  }

  #pipe(name: string, args: readonly unknown[], options: CallOptions | undefined): PipelinedReference {
    if (this.#made !== undefined) {
      const isReleased = this.#isReleased;
      const made = this.#pipeLater(name, args, options);
      const result = PipelinedReference.later(made, (error) => error);
      if (!isReleased) this.#releaseAfter(result);
      return result;
    }
    const expectation: Expectation = { id: undefined };
    return new PipelinedReference(this.#call(name, args, options, expectation), this.#host, expectation);
  }

  /** Keeps the result until a call to it is answered. */
  #releaseAfter(call: Promise<unknown>): void {
    this.#callsInFlight++;
    const settle = (): void => {
      this.#callsInFlight--;
      this.#releaseUnused();
    };
    call.then(settle, settle);
  }

  #notifyLater(made: Promise<MadeLater | undefined>, callback: (reference: this) => void): Disposable {
    let isDisposed = false;
    let subscription: Disposable | undefined;
    void made.then((later) => {
      if (!isDisposed) subscription = later?.reference.notifyOnDisconnect(() => callback(this));
    });
    return onDispose(() => {
      isDisposed = true;
      subscription?.[dispose]();
    });
  }

  async #pipeLater(name: string, args: readonly unknown[], options: CallOptions | undefined): Promise<MadeLater> {
    const { target, left } = await this.#whenMade(name, options);
    const caller = left === undefined ? target : target.with(left);
    const reference: MadeLater["reference"] = caller.pipe(name, ...(args as never[]));
    return { reference };
  }

  /** What a call goes to when the call that it depends on is made, and its options then. */
  async #whenMade(
    name: string,
    options: CallOptions | undefined,
  ): Promise<{ readonly target: Reference; readonly left: CallOptions | undefined }> {
    if (this.#isReleased) throw releasedError();
    const start = performance.now();
    // In an object, because a promise of a pipelined reference would be a promise of its result.
    const find = async (): Promise<{ readonly reference: Reference }> =>
      (await this.#made) ?? { reference: await this.#reference(name) };
    const { reference } = options === undefined ? await find() : await beforeDeadline(name, options, find);
    return { target: reference, left: withTimeLeft(options, start) };
  }

  async #call(
    name: string,
    args: readonly unknown[],
    options: CallOptions | undefined,
    expectation?: Expectation,
  ): Promise<unknown> {
    if (this.#isReleased) throw releasedError();
    this.#callsInFlight++;
    try {
      return await this.#callAhead(name, args, options, expectation);
    } finally {
      this.#callsInFlight--;
      this.#releaseUnused();
    }
  }

  async #callAhead(
    name: string,
    args: readonly unknown[],
    options: CallOptions | undefined,
    expectation: Expectation | undefined,
  ): Promise<unknown> {
    if (this.#made !== undefined) {
      const { target, left } = await this.#whenMade(name, options);
      const caller = left === undefined ? target : target.with(left);
      return caller.callRemote(name, ...(args as never[]));
    }
    const host = this.#host;
    const target = this.#expectation?.id;
    if (host === undefined || target === undefined || !mayCallAhead(host, args))
      return this.#callLater(name, args, options);
    const start = performance.now();
    try {
      const details = { ...options, expectation, perspective: host.perspective, keepAlive: this };
      return await host.caller.call(`pbx:${target}`, name, args, details);
    } catch (error) {
      if (await hasNotRun(host, error)) return await this.#callLater(name, args, withTimeLeft(options, start));
      if (error instanceof RemoteError && error.remoteType === DependencyFailed.remoteType)
        error.cause ??= await this.#failure();
      throw error;
    }
  }

  /** Waits for the result, and calls it. */
  #callLater: Send = async (name, args, options) => {
    if (options === undefined) return (await this.#reference(name)).callRemote(name, ...(args as never[]));
    const start = performance.now();
    const reference = await beforeDeadline(name, options, () => this.#reference(name));
    return reference.with(withTimeLeft(options, start)!).callRemote(name, ...(args as never[]));
  };

  async #reference(method: string): Promise<Reference> {
    let result: unknown;
    try {
      result = await this.#result;
    } catch (error) {
      if (error instanceof ConnectionLostError) throw error;
      throw calledAs(
        method,
        pipelineError(
          DependencyFailed.remoteType,
          `The call on which this one depends failed: ${String(error)}`,
          error,
        ),
      );
    }
    if (isReference(result)) return result;
    throw calledAs(method, pipelineError(NotAReference.remoteType, "The result of the call is not a reference"));
  }

  #failure(): Promise<unknown> {
    return this.#result.then(
      () => undefined,
      (error: unknown) => error,
    );
  }
}

function pipelineError(type: string, message: string, cause?: unknown): RemoteError {
  const error = new RemoteError({ type, message, parents: [type, "twisted.spread.pb.Error"] });
  if (cause !== undefined) error.cause = cause;
  return error;
}

/** Until the peer has answered `hello`, only plain data is sent ahead: a stock peer would never release references. */
function mayCallAhead({ caller, connection }: PipelineHost, args: readonly unknown[]): boolean {
  if (!connection.isOpen || caller.extension === undefined) return false;
  return caller.extension.canPipeline || isData(args);
}

/** Whether the peer has refused a call ahead without running anything. */
async function hasNotRun({ caller }: PipelineHost, error: unknown): Promise<boolean> {
  if (!(error instanceof RemoteError)) return false;
  if (error.remoteType === NotExpected.remoteType) return true;
  await caller.extension!.ask().catch(() => undefined);
  return !caller.extension!.canPipeline;
}

/** Whether values consist of text, numbers, bytes, and lists and records of them. Runs no code of the program. */
function isData(values: readonly unknown[]): boolean {
  const seen = new Set<object>();
  const left: unknown[] = [...values];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value !== "object" || value === null || seen.has(value)) continue;
    seen.add(value);
    const prototype: unknown = Object.getPrototypeOf(value);
    const isPlain = prototype === null || prototype === Object.prototype || value instanceof Kwargs;
    if (!isPlain && !Array.isArray(value) && !ArrayBuffer.isView(value)) return false;
    for (const part of partsOf(value)) left.push(part);
  }
  return true;
}

/** Waits until the deadline of a call. */
function beforeDeadline<T>(method: string, { timeoutMs, signal }: CallOptions, find: () => Promise<T>): Promise<T> {
  const timeoutError = (milliseconds: number): Error => callTimeout(method, milliseconds);
  return withDeadline({ timeoutMs, signal }, timeoutError, find);
}

function withTimeLeft(options: CallOptions | undefined, start: number): CallOptions | undefined {
  if (options?.timeoutMs === undefined) return options;
  return { ...options, timeoutMs: Math.max(options.timeoutMs - Math.round(performance.now() - start), 0) };
}

function isReference(value: unknown): value is Reference {
  return typeof (value as Partial<Reference> | null | undefined)?.callRemote === "function";
}
