import { signal } from "@preact/signals-core";
import type { ReadonlySignal } from "@preact/signals-core";
import type { LiveSource } from "@pb/live";

/** Dispose of the signal when it is no longer used. */
export function liveSignal<T>(source: LiveSource<T>): ReadonlySignal<T | undefined> & Disposable {
  const current = signal(source.getSnapshot());
  const dispose = source.subscribe(() => (current.value = source.getSnapshot()));
  return Object.assign(current, { [Symbol.dispose]: dispose });
}
