// Observes when a tab of a browser was in the background or its machine was asleep.

import { onDispose } from "@pb/jelly-types";

/** What a page or a worker has of these. */
interface Scope {
  readonly document?: EventSource & { readonly visibilityState: string };
  addEventListener?(type: string, listener: (event: unknown) => void): void;
  removeEventListener?(type: string, listener: (event: unknown) => void): void;
}
type EventSource = Required<Pick<Scope, "addEventListener" | "removeEventListener">>;

/**
 * Calls `wake` when the tab becomes visible, is no longer frozen or is restored from the cache of the browser, and when
 * the network is back. Timers do not run in time while a tab is in the background. Elsewhere nothing happens.
 */
export function onWake(wake: () => void): Disposable {
  const scope = globalThis as unknown as Scope;
  const { document: page } = scope;
  const becameVisible = (): void => {
    if (page?.visibilityState === "visible") wake();
  };
  // The first time that a page is shown, it was not asleep: it may still be busy with loading.
  const shown = (event: unknown): void => {
    if ((event as { readonly persisted?: boolean }).persisted === true) wake();
  };
  page?.addEventListener("visibilitychange", becameVisible);
  page?.addEventListener("resume", wake); // Chromium unfreezes a tab that stays in the background.
  scope.addEventListener?.("pageshow", shown);
  scope.addEventListener?.("online", wake);
  return onDispose(() => {
    page?.removeEventListener("visibilitychange", becameVisible);
    page?.removeEventListener("resume", wake);
    scope.removeEventListener?.("pageshow", shown);
    scope.removeEventListener?.("online", wake);
  });
}
