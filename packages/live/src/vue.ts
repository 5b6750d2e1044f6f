// @pb/live/vue: refs that follow a part of a live state.

import { shallowReadonly, shallowRef, toValue, watch } from "vue";
import type { MaybeRefOrGetter, ShallowRef } from "vue";
import type { LiveSource, LiveStatus } from "./client/source.js";

/**
 * A ref of the snapshot of a source, or of the part of it that `selector` returns. Undefined while there is none. It
 * changes when `isEqual` returns false for the part before and after. Default: `Object.is`, which is right for parts
 * that the selector returns as they are, because unchanged parts keep their identity. It follows the source until the
 * scope of the component or effect ends. The source can be a ref or a getter: then the ref follows the current one.
 */
export function useLive<T>(source: MaybeRefOrGetter<LiveSource<T>>): Readonly<ShallowRef<T | undefined>>;
export function useLive<T, Selected>(
  source: MaybeRefOrGetter<LiveSource<T>>,
  selector: (state: T) => Selected,
  isEqual?: (one: Selected, other: Selected) => boolean,
): Readonly<ShallowRef<Selected | undefined>>;
export function useLive(
  source: MaybeRefOrGetter<LiveSource<unknown>>,
  selector: (state: unknown) => unknown = (state) => state,
  isEqual: (one: unknown, other: unknown) => boolean = Object.is,
): Readonly<ShallowRef<unknown>> {
  return follow(source, (current, shown) => {
    const snapshot = current.getSnapshot();
    if (snapshot === undefined) return undefined;
    const selected = selector(snapshot);
    return shown !== undefined && isEqual(shown, selected) ? shown : selected;
  });
}

/** A ref of the status of a source, such as `stale` while there is no connection. */
export function useLiveStatus(source: MaybeRefOrGetter<LiveSource<unknown>>): Readonly<ShallowRef<LiveStatus>> {
  return follow(source, ({ status }) => status);
}

/** A ref of what `read` returns, now and after each change. */
function follow<Value>(
  source: MaybeRefOrGetter<LiveSource<unknown>>,
  read: (source: LiveSource<unknown>, shown: Value | undefined) => Value,
): Readonly<ShallowRef<Value>> {
  const shown = shallowRef() as ShallowRef<Value>;
  watch(
    () => toValue(source),
    (current, _, onCleanup) => {
      const update = (): void => {
        shown.value = read(current, shown.value);
      };
      onCleanup(current.subscribe(update));
      update();
    },
    { immediate: true, flush: "sync" },
  );
  return shallowReadonly(shown);
}
