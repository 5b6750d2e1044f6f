// Results that contain promises: they are sent when all of their promises are fulfilled.

import { mapGraph, someObject } from "./graph.js";

/**
 * Whether a method returned a promise of any kind. False for a value that cannot be asked, such as a revoked proxy: it
 * is refused when it is written.
 */
export function isThenable(value: unknown): boolean {
  try {
    return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
  } catch {
    return false;
  }
}

/** Whether a container in `value`, at any depth, contains a promise. */
export function containsPromise(value: unknown): boolean {
  return typeof value === "object" && value !== null && someObject(value, isPromise);
}

/** A proxy may throw. It is refused when it is written. */
function isPromise(object: object): object is Promise<unknown> {
  try {
    return object instanceof Promise;
  } catch {
    return false;
  }
}

/**
 * Handles the rejections of all promises in `value`, which is not sent. The error of the call that cannot be sent is
 * enough; an unhandled rejection would end the process.
 */
export function ignorePromises(value: unknown): void {
  someObject(value, (object) => {
    if (isPromise(object)) ignoreRejection(object);
    return false;
  });
}

/** Handles the rejection of one promise. */
export function ignoreRejection(promise: Promise<unknown>): void {
  promise.catch(() => undefined);
}

/**
 * Resolves with a copy of `value` in which each promise in its containers, at any depth, is replaced by its value.
 * Rejects when one of the promises rejects. Promises inside other objects, such as a `Copyable`, are left as they are.
 */
export async function resolvePromises(value: unknown): Promise<unknown> {
  const results = await settlePromises(value);
  return mapGraph(value, (object, map) => (results.has(object) ? { value: map(results.get(object)) } : undefined));
}

/** Resolves with the results of the same promises. Rejects as {@link resolvePromises} does. */
export async function settlePromises(value: unknown): Promise<ReadonlyMap<object, unknown>> {
  const results = new Map<object, unknown>();
  const seen = new Set<object>();
  await resolveIn(value);
  return results;

  /**
   * Waits for all promises at the same time: each needs a handler before it rejects, or it counts as an unhandled
   * rejection.
   */
  async function resolveIn(graph: unknown): Promise<void> {
    const promises: Promise<unknown>[] = [];
    someObject(
      graph,
      (object) => {
        if (isPromise(object)) promises.push(object);
        return false;
      },
      seen,
    );
    await Promise.all(
      promises.map(async (promise) => {
        const result: unknown = await promise;
        results.set(promise, result);
        await resolveIn(result);
      }),
    );
  }
}
