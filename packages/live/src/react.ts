// @pb/live/react: hooks that render a component again when its part of a live state has changed.

import { useCallback, useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import type { LiveSource, LiveStatus } from "./client/source.js";

/** A source whose server snapshot is set by {@link withServerSnapshot}. */
interface WithServerSnapshot<T> extends LiveSource<T> {
  getServerSnapshot?(): T;
}

/**
 * The snapshot of a source, or the part of it that `selector` returns. Undefined while there is none. The component
 * renders again when that part has changed: when `isEqual` returns false for the part before and after. Default:
 * `Object.is`, which is right for parts that the selector returns as they are, because unchanged parts keep their
 * identity. Pass `isEqual` for a selector that makes new objects.
 */
export function useLive<T>(source: LiveSource<T>): T | undefined;
export function useLive<T, Selected>(
  source: LiveSource<T>,
  selector: (state: T) => Selected,
  isEqual?: (one: Selected, other: Selected) => boolean,
): Selected | undefined;
export function useLive(
  source: LiveSource<unknown>,
  selector: (state: unknown) => unknown = identity,
  isEqual: (one: unknown, other: unknown) => boolean = Object.is,
): unknown {
  const subscribe = useSubscribe(source);
  // What the component has shown last. Selectors are often written inline: then each rendering has another one.
  const shown = useRef<Selection | undefined>(undefined);
  const [getSelected, getServerSelected] = useMemo(() => {
    const select = memoized(selector, isEqual, () => shown.current);
    return [() => select(source.getSnapshot()), () => select(serverSnapshotOf(source))];
  }, [source, selector, isEqual]);
  const selected = useSyncExternalStore(subscribe, getSelected, getServerSelected);
  useEffect(() => {
    shown.current = { selected };
  }, [selected]);
  return selected;
}

/** The status of a source, such as `stale` while there is no connection. */
export function useLiveStatus(source: LiveSource<unknown>): LiveStatus {
  return useSyncExternalStore(useSubscribe(source), () => source.status, waiting);
}

/**
 * A source whose components render `snapshot` on a server, and in a page until they are hydrated: the state that the
 * server has rendered, sent along with its page. Without it, both render the snapshot that the source has.
 */
export function withServerSnapshot<T>(source: LiveSource<T>, snapshot: T): LiveSource<T> {
  const result: WithServerSnapshot<T> = {
    getSnapshot: () => source.getSnapshot(),
    getServerSnapshot: () => snapshot,
    subscribe: (listener) => source.subscribe(listener),
    get status() {
      return source.status;
    },
  };
  return result;
}

interface Selection {
  readonly selected: unknown;
}

const identity = (state: unknown): unknown => state;
const waiting = (): LiveStatus => "waiting";

function useSubscribe(source: LiveSource<unknown>): (listener: () => void) => () => void {
  return useCallback((listener: () => void) => source.subscribe(listener), [source]);
}

function serverSnapshotOf(source: WithServerSnapshot<unknown>): unknown {
  return source.getServerSnapshot === undefined ? source.getSnapshot() : source.getServerSnapshot();
}

/** Runs the selector once for each snapshot. Returns the last part again as long as it is equal. */
function memoized(
  selector: (state: unknown) => unknown,
  isEqual: (one: unknown, other: unknown) => boolean,
  shown: () => Selection | undefined,
): (snapshot: unknown) => unknown {
  let last: (Selection & { readonly snapshot: unknown }) | undefined;
  return (snapshot) => {
    if (snapshot === undefined) return undefined;
    if (last !== undefined && Object.is(last.snapshot, snapshot)) return last.selected;
    const before = last ?? shown();
    const now = selector(snapshot);
    const isSame = before?.selected !== undefined && isEqual(before.selected, now);
    last = { snapshot, selected: isSame ? before.selected : now };
    return last.selected;
  };
}
