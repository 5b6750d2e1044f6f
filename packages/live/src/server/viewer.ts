// One copy at a peer: what it has, and how it gets what has changed.

import { LimitError } from "@pb/broker";
import type { CacheObserver } from "@pb/broker";
import type { MessageSource } from "@pb/broker/extension";
import { JellyError } from "@pb/jelly-types";
import { PACKED_FORM, PACKED_VERSION } from "../packed/format.js";
import type { View, ViewGroup } from "./view-group.js";
import type { PatchArguments } from "./view-patch.js";

/**
 * A viewer that does not read misses so many patches, and then gets the whole view instead of a merged patch: what it
 * has seen last is not kept longer, because each such viewer may have seen another one.
 */
const MOST_MISSED = 64;

const FORGOTTEN: unique symbol = Symbol("forgotten");

export class Viewer implements MessageSource {
  readonly observer: CacheObserver;
  readonly group: ViewGroup<Viewer>;
  readonly flush: () => void;
  /** What was sent last. */
  #view: View | typeof FORGOTTEN;
  #revision: number;
  #missed = 0;
  #isWaiting = false;
  /** Whether it reads packed patches. If it has not said so, `unknown` until the first patch, which asks for it. */
  #packs: "unknown" | "asked" | boolean;
  /** What the question keeps, which the peer may never answer: this viewer, until it stops observing. */
  readonly #asker: { viewer: Viewer | undefined } = { viewer: this };
  /** See {@link PackedPatch}. */
  #epoch: number | undefined;

  /**
   * The viewer gets the current view of the group. `flush` computes the view, and calls {@link send} if it has changed.
   * It is called before other messages to the peer, so that they arrive after the state that they are about.
   */
  constructor(observer: CacheObserver, group: ViewGroup<Viewer>, flush: (viewer: Viewer) => void) {
    this.observer = observer;
    this.group = group;
    this.flush = () => flush(this);
    this.#view = group.view;
    this.#revision = group.revision;
    this.#packs = observer.peerReads(PACKED_FORM) ? true : "unknown";
    observer.addSource(this);
  }

  /** The state that it gets first. */
  get first(): object {
    const packed = this.#packs === true ? this.group.packed : undefined;
    return { rev: this.#revision, ...(packed === undefined ? { state: this.group.tree } : { packed }) };
  }

  get isUpToDate(): boolean {
    return this.#revision === this.group.revision;
  }

  get isBehind(): boolean {
    return this.group.isOutdated || !this.isUpToDate;
  }

  /** Flushes when what is queued has left the process. Never, if the connection ends before. */
  flushLater(): void {
    if (this.#isWaiting && ++this.#missed > MOST_MISSED) this.#view = FORGOTTEN;
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.observer.drained().then(
      () => {
        this.#isWaiting = false;
        this.flush();
      },
      () => undefined,
    );
  }

  /** Sends what has changed. Throws what `sendRemote` throws for a state that is too large. */
  send(): void {
    const { group, observer } = this;
    if (this.isUpToDate || !observer.isAlive) return;
    const since = this.#revision;
    const view = this.#view;
    this.#revision = group.revision;
    this.#view = group.view;
    this.#missed = 0;
    try {
      if (view !== FORGOTTEN) {
        this.#sendPatch(since, view);
        return;
      }
    } catch {
      // The patch is too large. The whole view may be smaller.
    }
    this.#epoch = undefined;
    observer.sendRemote("patch", ...group.wholeFrom(since));
  }

  #sendPatch(since: number, view: View): void {
    const { group, observer } = this;
    const patch = group.patchFrom(since, view);
    const packed = this.#packs === true ? group.packing.pack(patch, this.#epoch) : undefined;
    this.#epoch = packed?.epoch;
    if (packed !== undefined) {
      packed.shared.isLast = group.viewers.size === 1;
      observer.sendShared(packed.shared, "p", [packed.bytes]);
    } else if (this.#packs === "unknown" && group.packing.isSmall(patch)) this.#ask(patch.arguments);
    else observer.sendRemote("patch", ...patch.arguments);
  }

  /** Sends a small patch as a call with an answer, which tells whether the viewer reads packed patches. */
  #ask(patch: PatchArguments): void {
    this.#packs = "asked";
    const asker = this.#asker;
    this.observer.probe("patch", patch).then(
      (answer) => asker.viewer?.answered(answer),
      (error: unknown) => asker.viewer?.notAnswered(error),
    );
  }

  answered(answer: unknown): void {
    // Not `Number(answer)`, which throws for a dict: the peer may answer anything.
    this.#packs = typeof answer === "number" && answer >= PACKED_VERSION;
  }

  notAnswered(error: unknown): void {
    this.#packs = false;
    if (!(error instanceof LimitError || error instanceof JellyError)) return;
    // It was not sent: too many calls wait for an answer.
    this.#view = FORGOTTEN;
    this.#revision = NaN;
    this.flush();
  }

  /** The peer has no copy anymore. */
  stop(): void {
    this.#asker.viewer = undefined;
    this.observer.removeSource(this);
  }

  /** Tells the peer that nothing more follows. */
  end(code: string): void {
    try {
      if (this.observer.isAlive) this.observer.sendRemote("gone", code);
    } catch {
      // The connection has ended meanwhile.
    }
  }
}
