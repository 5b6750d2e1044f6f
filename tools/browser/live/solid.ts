import { createSignal, onCleanup } from "solid-js";
import type { Accessor } from "solid-js";
import type { LiveSource } from "@pb/live";

export function useLive<T>(source: LiveSource<T>): Accessor<T | undefined> {
  const [snapshot, setSnapshot] = createSignal(source.getSnapshot());
  onCleanup(source.subscribe(() => setSnapshot(() => source.getSnapshot())));
  return snapshot;
}
