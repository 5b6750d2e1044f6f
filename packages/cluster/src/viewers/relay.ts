// Relays the records of a log to the viewers of a node, as the bytes that they are.

import { broadcast } from "@pb/broker";
import type { CacheObserver } from "@pb/broker";
import { PlainTree } from "@pb/jelly-types";
import type { LiveLog, StoredPatch } from "../log/live-log.js";
import type { LogRecord } from "../log/record.js";

/** What a viewer has. */
interface Viewer {
  readonly observer: CacheObserver;
  revision: number;
  /** Whether it does not read, and gets nothing until it has. */
  isWaiting: boolean;
  /** Whether it was told that it is stale. Undefined: it has not been told anything. */
  isStale: boolean | undefined;
}

/** As in `LiveOptions`: as much as the network buffers usually hold. */
const MOST_QUEUED_BYTES = 65_536;

export class Relay {
  readonly #log: LiveLog;
  readonly #viewers = new Map<CacheObserver, Viewer>();
  #isStale = false;
  /** The state that the last new viewer got. */
  #current: { readonly revision: number; readonly tree: PlainTree } | undefined;

  constructor(log: LiveLog) {
    this.#log = log;
  }

  get size(): number {
    return this.#viewers.size;
  }

  /**
   * Adds a viewer, and returns its first state: the current one, because a viewer that has been here before must not
   * see an older one. It is written once for all viewers that come before the next patch.
   */
  add(observer: CacheObserver): { readonly rev: number; readonly state: PlainTree } {
    const { revision } = this.#log;
    if (this.#current?.revision !== revision) {
      const { snapshot } = this.#log;
      const tree = snapshot!.revision === revision ? snapshot!.tree : new PlainTree(this.#log.state());
      this.#current = { revision, tree };
    }
    const viewer: Viewer = { observer, revision, isWaiting: false, isStale: undefined };
    this.#viewers.set(observer, viewer);
    if (this.#isStale) void this.#tellStale(viewer);
    return { rev: revision, state: this.#current.tree };
  }

  remove(observer: CacheObserver): void {
    this.#viewers.delete(observer);
  }

  /** Sends a record, which the log has just taken. */
  relay(record: LogRecord): void {
    if (record.kind === "snapshot") this.#replace(record.revision);
    if (record.kind !== "patch") return;
    const { since, revision, tree } = record;
    const ready = [...this.#viewers.values()].filter((viewer) => viewer.revision === since && this.#isReady(viewer));
    for (const viewer of ready) viewer.revision = revision;
    try {
      broadcast(
        ready.map(({ observer }) => observer),
        "patch",
        revision,
        tree,
        since,
      );
    } catch {
      // The connections of these viewers have ended, or their limits refuse so large a message: they see a gap.
    }
  }

  /** While this node could not read the log, a snapshot has replaced patches: its viewers get that. */
  #replace(revision: number): void {
    for (const viewer of this.#viewers.values())
      if (viewer.revision < revision && this.#isReady(viewer)) this.#catchUp(viewer);
  }

  /** Tells the viewers that nothing more follows. */
  end(): void {
    for (const { observer } of this.#viewers.values()) {
      try {
        observer.sendRemote("gone", "CLUSTER_LOG_LOST");
      } catch {
        // The connection has ended.
      }
    }
    this.#viewers.clear();
    this.#current = undefined;
  }

  /** Tells the viewers whether this node can learn of changes now. */
  setStale(isStale: boolean): void {
    if (this.#isStale === isStale) return;
    this.#isStale = isStale;
    for (const viewer of this.#viewers.values()) void this.#tellStale(viewer);
  }

  /** Sends what a viewer has missed. */
  #catchUp(viewer: Viewer): void {
    const { observer } = viewer;
    const { snapshot, patches } = this.#log;
    if (this.#viewers.get(observer) !== viewer || snapshot === undefined) return;
    if (viewer.revision < snapshot.revision)
      // A patch that sets the whole state, whatever the viewer has.
      this.#send(viewer, { revision: snapshot.revision, since: viewer.revision, tree: [["", snapshot.tree]] });
    for (const patch of patches) {
      if (patch.revision <= viewer.revision) continue;
      if (!this.#isReady(viewer)) return;
      this.#send(viewer, patch);
    }
  }

  #send(viewer: Viewer, { revision, tree, since }: Omit<StoredPatch, "tree"> & { readonly tree: unknown }): void {
    viewer.revision = revision;
    try {
      viewer.observer.sendRemote("patch", revision, tree, since);
    } catch {
      // The connection has ended, or refuses so large a message: the viewer sees a gap.
    }
  }

  /** Whether the viewer reads what is sent to it. If not, it gets what it misses when it has. */
  #isReady(viewer: Viewer): boolean {
    if (viewer.isWaiting || !viewer.observer.isAlive) return false;
    if (viewer.observer.queuedBytes <= MOST_QUEUED_BYTES) return true;
    viewer.isWaiting = true;
    viewer.observer.drained().then(
      () => {
        viewer.isWaiting = false;
        this.#catchUp(viewer);
      },
      () => undefined,
    );
    return false;
  }

  async #tellStale(viewer: Viewer): Promise<void> {
    const { observer } = viewer;
    const isExtended = await observer.isExtended().catch(() => false);
    const isStale = this.#isStale;
    if (!isExtended || !observer.isAlive || viewer.isStale === isStale) return;
    if (viewer.isStale === undefined && !isStale) return;
    viewer.isStale = isStale;
    try {
      observer.sendRemote("stale", isStale);
    } catch {
      // The connection refuses more.
    }
  }
}
