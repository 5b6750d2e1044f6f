// A root whose methods are given by the test, for the tests of the checklist.

import { Cacheable, Copyable, RemoteCache, remoteCache, RemoteCopy, remoteCopy, Root } from "@pb/broker";
import type { CacheObserver, Kwargs, Perspective } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";

export class Note extends Copyable {
  static readonly remoteType = "test.Note";
  [name: string]: unknown;

  constructor(state: object) {
    super();
    Object.assign(this, state);
  }
}

/** The received copy of a note. */
export class NoteCopy extends RemoteCopy {
  declare text: string;
  declare other: unknown;
}

export class Counter extends Cacheable {
  static readonly remoteType = "test.Counter";
  readonly observers: CacheObserver[] = [];
  stopped = 0;

  constructor(readonly value = "full state") {
    super();
  }

  override getStateToCacheAndObserveFor(_perspective: Perspective, observer: CacheObserver): object {
    this.observers.push(observer);
    return { value: this.value };
  }

  override stoppedObserving(_perspective: Perspective, observer: CacheObserver): void {
    this.stopped++;
    this.observers.splice(this.observers.indexOf(observer), 1);
  }
}

export class CounterCopy extends RemoteCache {
  declare value: string;

  observe_value(value: string): void {
    this.value = value;
  }
}

export const types = (): TypeRegistry =>
  new TypeRegistry().register(remoteCopy("test.Note", NoteCopy)).register(remoteCache("test.Counter", CounterCopy));

/** A root whose methods are given by the test. */
export class Desk extends Root {
  readonly taken: unknown[] = [];

  constructor(readonly answers: Readonly<Record<string, (...args: any[]) => unknown>> = {}) {
    super();
  }

  override receiveCall(call: { method: string; args: unknown[]; kwargs: Kwargs | undefined }): unknown {
    const answer = this.answers[call.method];
    return answer === undefined ? super.receiveCall(call) : answer(...call.args, call.kwargs);
  }

  remote_take(...values: unknown[]): void {
    this.taken.push(...values);
  }

  remote_echo<T>(value: T): T {
    return value;
  }
}

/** Connects a client to a desk. */
export async function open(answers: Desk["answers"] = {}) {
  const root = new Desk(answers);
  const pair = await connectedPair({ root, types: types() }, { types: types() });
  return { root, pair, desk: await pair.client.getRootObject() };
}
