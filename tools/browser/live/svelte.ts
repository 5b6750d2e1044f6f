import { readable } from "svelte/store";
import type { Readable } from "svelte/store";
import type { LiveSource } from "@pb/live";

export function liveStore<T>(source: LiveSource<T>): Readable<T | undefined> {
  return readable<T | undefined>(source.getSnapshot(), (set) => {
    set(source.getSnapshot());
    return source.subscribe(() => set(source.getSnapshot()));
  });
}
