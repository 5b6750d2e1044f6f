// The object of the peer that a reconnecting client or a lasting reference stands for on the current connection, and
// the ways to call it.

import type { Pipelined, RemoteCalls, RemoteMethods, RemoteReference } from "@pb/broker";
import { withDeadline } from "@pb/broker/extension";
import type { DeadlineOptions, RemoteArguments, RemoteCaller, RemoteName, RemoteResult } from "@pb/broker/extension";
import type { ContractBinder } from "@pb/broker/schema";
import { checkOptions, refuseProxies } from "@pb/jelly-types";
import { NotConnectedError } from "../errors.js";
import type { CallTarget, ClientCalls, ReconnectingCallOptions } from "./client-calls.js";

/** Calls an object of the peer over the current connection. While there is none, the calls wait. */
export abstract class CurrentObject<T = RemoteMethods> {
  static {
    refuseProxies(this, (object) => #calls in object);
  }

  readonly #calls: ClientCalls;
  readonly #target: CallTarget;
  /** What there is none of while calls wait. */
  readonly #subject: string;

  /** Only the library constructs one. */
  protected constructor(calls: ClientCalls, target: CallTarget, subject: string) {
    this.#calls = calls;
    this.#target = target;
    this.#subject = subject;
  }

  /**
   * Resolves with the reference on the current connection, as soon as there is one. Rejects as calls do, with
   * `NotConnectedError` after `timeoutMs` and when the client has stopped, and with the reason of the signal when that
   * aborts.
   */
  async current(options: DeadlineOptions = {}): Promise<RemoteReference<T>> {
    checkOptions(options, { signal: "signal", timeoutMs: "any" });
    const timeoutError = (ms: number): Error => new NotConnectedError(`There was no ${this.#subject} within ${ms} ms`);
    return withDeadline(options, timeoutError, async (signal) => {
      const { reference } = await this.#target("wait", signal);
      return reference as RemoteReference<T>;
    });
  }

  /** The methods as functions: `client.call.echo("hi")` is `client.callRemote("echo", "hi")`. */
  get call(): RemoteCalls<T> {
    return this.with({}).call;
  }

  /**
   * Calls a method. While there is no connection, the call waits, or rejects with `NotConnectedError` (see
   * `whileDown`). When the connection ends before the answer arrives, the call rejects with `OutcomeUnknownError`, or
   * is sent again if the method is idempotent.
   */
  callRemote<Name extends RemoteName<T>>(
    name: RemoteName<T, Name>,
    ...args: RemoteArguments<T, Name>
  ): Promise<RemoteResult<T, Name>> {
    return this.with({}).callRemote<Name>(name, ...args);
  }

  /**
   * Calls a method whose result is called before it has arrived, as `pipe` of a reference does:
   * `client.pipe("thing").call.hi()`. While there is no connection, the calls wait, and are then sent together. When
   * the connection ends, the first call rejects with `OutcomeUnknownError`, and those to its result with
   * `ConnectionLostError`. None of them is sent again, whether or not it is idempotent.
   */
  pipe<Name extends RemoteName<T>>(
    name: RemoteName<T, Name>,
    ...args: RemoteArguments<T, Name>
  ): Pipelined<RemoteResult<T, Name>> {
    return this.with({}).pipe<Name>(name, ...args);
  }

  /**
   * The same ways to call, with options. `timeoutMs` includes the time while there is no connection. Throws `TypeError`
   * for an unknown name, and for a `timeoutMs` that is not a number of at least 0.
   */
  with(options: ReconnectingCallOptions): RemoteCaller<T> {
    return this.#calls.caller(this.#target, options);
  }

  /** Calls methods by a contract, as `as` of a reference does. */
  as<Caller>(contract: ContractBinder<Caller>): Caller {
    return this.with({}).as(contract);
  }
}
