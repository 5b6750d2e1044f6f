// `Live`: a cached object whose state is plain data, of which each viewer gets the state and then patches.

import { Cacheable } from "@pb/broker";
import type { CacheObserver, Perspective } from "@pb/broker";
import { after, sourceChanges, withDefaults } from "@pb/broker/extension";
import type { Timer } from "@pb/broker/extension";
import { refuseProxies } from "@pb/jelly-types";
import { LiveError } from "../errors.js";
import type { Draft } from "../state/draft/draft.js";
import { partAt } from "../state/part.js";
import { seal } from "../state/plain.js";
import { applyLazily } from "../state/recipe.js";
import { isPlainOf, plainOf } from "../state/wide-dict.js";
import { Viewer } from "./viewer.js";
import { ViewGroup } from "./view-group.js";

/** Options of {@link Live}. */
export interface LiveOptions {
  /**
   * The least number of milliseconds between two patches to the same viewer. 0: one at the end of each turn of the
   * event loop in which the state has changed. A patch is sent earlier when another message is sent to the viewer, so
   * that what a method has changed arrives before its answer. Default 0.
   */
  readonly intervalMs?: number | undefined;
  /**
   * A viewer to which more bytes than this are queued gets nothing until they have left the process, and then one patch
   * for all that has changed. Default 65536: as much as the network buffers usually hold.
   */
  readonly queuedBytes?: number | undefined;
  /**
   * Called with errors that belong to no call: a view that could not be computed or sent, and whose viewers were told
   * that it has ended. Default: `console.warn`.
   */
  readonly onError?: ((error: LiveError) => void) | undefined;
}

const defaults = {
  intervalMs: 0,
  queuedBytes: 65_536,
  // eslint-disable-next-line no-console -- the only place for warnings that all platforms have
  onError: (error: LiveError): void => console.warn(error),
};

/**
 * State that is sent to viewers once and then kept in step by patches. Extend it, and return it from a method: the
 * caller receives a `LiveView`. It is sent under the name in the `static remoteType` of its class, by default
 * `pb.Live`.
 *
 * A state consists of null, booleans, numbers, text without lone surrogates, arrays, and plain objects without the key
 * `__proto__`. It is frozen, with all that a program puts into it.
 */
export class Live<State extends object, View = State> extends Cacheable {
  static readonly remoteType: string = "pb.Live";
  static {
    refuseProxies(this, (object) => #groups in object);
  }

  /** It may contain `WideDict`s. */
  #state: object;
  readonly #current = { revision: 0 };
  readonly #options: Required<{ [Key in keyof LiveOptions]: NonNullable<LiveOptions[Key]> }>;
  /** Whether a recipe or a view function runs. */
  #isBusy = false;
  /** By the key of the view. */
  readonly #groups = new Map<string, ViewGroup<Viewer>>();
  readonly #viewers = new Map<CacheObserver, Viewer>();
  /** Whether a flush is scheduled, and the timer if it is not for the end of this turn. */
  #isScheduled = false;
  #timer: Timer | undefined;
  /** When patches were last sent, in milliseconds. */
  #lastFlush = -Infinity;

  /** Throws {@link LiveError} for a state that cannot be sent, and `TypeError` for a wrong option. */
  constructor(initial: State, options: LiveOptions = {}) {
    super();
    this.#options = withDefaults("option", defaults, options);
    if (typeof initial !== "object" || (initial as State | null) === null)
      throw new LiveError("LIVE_NOT_PLAIN", "The state must be a plain object or an array");
    seal(initial, undefined);
    this.#state = initial;
  }

  /**
   * The current state, frozen. What has not changed stays the same object. The next update copies each dict that it
   * changes, which takes long with many entries: the dict that was read stays as it is.
   */
  get state(): State {
    return plainOf(this.#state) as State;
  }

  /** The number of updates that have changed the state. */
  get revision(): number {
    return this.#current.revision;
  }

  /** The number of copies that peers have. */
  get viewers(): number {
    return this.#viewers.size;
  }

  /**
   * The group of a viewer. All viewers of a group get the same view, which is computed and written once. Default: one
   * group for all.
   */
  viewKey(_perspective: Perspective): string {
    return "";
  }

  /**
   * What the viewers of a group see of a state. It gets the key only, so that nothing of one viewer can reach another
   * one of the group. Parts of the state may be returned as they are. Default: the whole state.
   */
  viewOf(_key: string, state: State): View {
    return state as unknown as View;
  }

  /**
   * The keys that lead to the part of the state that the viewers of a group see, such as `["rooms", key]`. When there
   * is no such part, the viewers are told that their view has ended. Default: undefined, and `viewOf` is called.
   *
   * The time of an update depends on how much it changes, also in a dict with many entries. With {@link viewOf}, such a
   * dict is copied.
   */
  viewPath(_key: string): readonly (string | number)[] | undefined {
    return undefined;
  }

  /**
   * Changes the state. `recipe` changes a draft, of which the next state is made; what it returns is ignored. Throws
   * what `recipe` throws, {@link LiveError} for a state that cannot be sent, when it is called in a recipe or a view
   * function, and for an async recipe. The state is unchanged then.
   */
  update(recipe: (draft: Draft<State>) => unknown): void {
    this.#commit(this.#exclusively("update", () => applyLazily(this.#state, recipe)));
  }

  /** Sets the whole state. Viewers get what differs. Throws as {@link update} does. */
  replace(state: State): void {
    if (this.#isBusy) this.#exclusively("replace", () => undefined);
    if (typeof state !== "object" || (state as State | null) === null)
      throw new LiveError("LIVE_NOT_PLAIN", "The state must be a plain object or an array");
    this.#commit(state);
  }

  /** Called by the broker when it sends the state to a new viewer. Throws {@link LiveError} if its view fails. */
  override getStateToCacheAndObserveFor(perspective: Perspective, observer: CacheObserver): unknown {
    const key = this.#exclusively("viewKey", () => this.viewKey(perspective));
    if (typeof key !== "string") throw new LiveError("LIVE_VIEW_FAILED", "viewKey must return text");
    let group = this.#groups.get(key);
    if (group === undefined) {
      const viewOf = (state: unknown): unknown => this.#exclusively("viewOf", () => this.#viewOf(key, state));
      group = new ViewGroup(key, viewOf, this.#current);
      group.refresh(this.#state, this.revision);
      this.#groups.set(key, group);
    } else group.refresh(this.#state, this.revision);
    const viewer = new Viewer(observer, group, (behind) => this.#flushViewer(behind));
    group.viewers.add(viewer);
    this.#viewers.set(observer, viewer);
    return viewer.first;
  }

  /** Called by the broker when a viewer is gone. */
  override stoppedObserving(_perspective: Perspective, observer: CacheObserver): void {
    const viewer = this.#viewers.get(observer);
    if (viewer === undefined) return;
    this.#viewers.delete(observer);
    viewer.stop();
    const { group } = viewer;
    group.viewers.delete(viewer);
    if (group.viewers.size > 0) return;
    this.#groups.delete(group.key);
    if (this.#groups.size > 0 || this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isScheduled = false;
  }

  #exclusively<Result>(what: string, run: () => Result): Result {
    if (this.#isBusy)
      throw new LiveError("LIVE_NESTED_UPDATE", `${what} was called in a recipe or a view function of this object`);
    this.#isBusy = true;
    try {
      return run();
    } finally {
      this.#isBusy = false;
    }
  }

  #viewOf(key: string, state: unknown): unknown {
    const path = this.viewPath(key);
    if (path !== undefined) return partAt(state, path);
    return this.viewOf === Live.prototype.viewOf ? state : this.viewOf(key, plainOf(state) as State);
  }

  #commit(state: object): void {
    if (isPlainOf(state, this.#state)) return;
    seal(state, this.#state);
    this.#state = state;
    this.#current.revision++;
    sourceChanges.count++;
    if (!this.#isScheduled && this.#viewers.size > 0) this.#schedule();
  }

  #schedule(): void {
    this.#isScheduled = true;
    const flush = (): void => {
      this.#isScheduled = false;
      this.#timer = undefined;
      this.#flush();
    };
    const { intervalMs } = this.#options;
    const wait = intervalMs === 0 ? 0 : this.#lastFlush + intervalMs - performance.now();
    if (wait > 0) this.#timer = after(wait, flush);
    else queueMicrotask(flush);
  }

  /** Sends what has changed to all viewers. */
  #flush(): void {
    if (this.#options.intervalMs > 0) this.#lastFlush = performance.now();
    for (const group of [...this.#groups.values()]) {
      if (!this.#refresh(group)) continue;
      for (const viewer of [...group.viewers]) this.#deliver(viewer);
    }
  }

  /** Another message is about to be written to the viewer. */
  #flushViewer(viewer: Viewer): void {
    if (this.#viewers.get(viewer.observer) === viewer && this.#refresh(viewer.group)) this.#send(viewer);
  }

  /** Sends a patch, now or when the viewer has read what is queued. */
  #deliver(viewer: Viewer): void {
    if (viewer.isUpToDate) return;
    if (viewer.observer.queuedBytes <= this.#options.queuedBytes) this.#send(viewer);
    else viewer.flushLater();
  }

  #send(viewer: Viewer): void {
    try {
      viewer.send();
    } catch (cause) {
      this.#end([viewer], new LiveError("LIVE_TOO_LARGE", "The state cannot be sent to a viewer", { cause }));
    }
  }

  /** Computes the view of a group. When that fails, its viewers are told that it has ended, and the result is false. */
  #refresh(group: ViewGroup<Viewer>): boolean {
    try {
      group.refresh(this.#state, this.revision);
      return true;
    } catch (cause) {
      const error = cause instanceof LiveError ? cause : new LiveError("LIVE_VIEW_FAILED", "A view failed", { cause });
      this.#end([...group.viewers], error);
      return false;
    }
  }

  #end(viewers: readonly Viewer[], error: LiveError): void {
    for (const viewer of viewers) {
      this.stoppedObserving(null, viewer.observer);
      viewer.end(error.code);
    }
    this.#options.onError(error);
  }
}
