// `LiveView`: the copy of a `Live`, as immutable snapshots.

import { RemoteCache, remoteCache } from "@pb/broker";
import type { ConnectionContext } from "@pb/broker/extension";
import { dispose, plainState, printable } from "@pb/jelly-types";
import type { TypeHandler } from "@pb/jelly-types";
import { LiveError } from "../errors.js";
import type { LiveErrorCode } from "../errors.js";
import { PACKED_FORM, PACKED_VERSION } from "../packed/format.js";
import { Unpacker, unpackState } from "../packed/unpack.js";
import { PatchedState, reconcile } from "../state/patch.js";
import { adopt } from "../state/plain.js";
import { LongPointers } from "../state/pointer.js";
import { Selection } from "./selection.js";
import { Listeners } from "./source.js";
import type { LiveSource, LiveStatus } from "./source.js";

/** Why a view is not live anymore. */
interface End {
  readonly status: "stale" | "gone";
  readonly error: LiveError;
}

/** The patches of one turn. */
interface Turn {
  /** With the patches applied, and not frozen yet. */
  readonly patched: PatchedState;
  /** The revision after them. */
  revision: number;
  /** The memory of each packed patch, in bytes. One in jelly was charged as a message. */
  readonly heapBytes: number[];
}

/**
 * The copy of a `Live` at a peer. Its snapshots are frozen, and what an update does not change stays the same object.
 * It is updated until it is disposed of or collected, or the connection ends; while it has listeners, it is not
 * collected.
 */
export class LiveView<State = unknown> extends RemoteCache implements LiveSource<State> {
  #snapshot: State | undefined;
  #revision = 0;
  #turn: Turn | undefined;
  readonly #longPointers = new LongPointers();
  #isScheduled = false;
  #end: End | undefined;
  /** Whether the server does not know the current state either. */
  #isBehind = false;
  readonly #listeners = new Listeners();
  #unpacker: Unpacker | undefined;
  #context: ConnectionContext | undefined;
  /** Set while there are listeners: the handle, which must not be collected, and the subscription to the end. */
  #listening: { readonly handle: unknown; readonly disconnect: Disposable } | undefined;

  /** @internal Sets the first state. Called once. */
  static start<State>(view: LiveView<State>, state: unknown, revision: number, context: ConnectionContext): void {
    view.#snapshot = adopt(state) as State;
    view.#revision = revision;
    view.#context = context;
  }

  /** The revision of the state at the server. */
  get revision(): number {
    this.#settle();
    return this.#revision;
  }

  get status(): LiveStatus {
    this.#settle();
    if (this.#end !== undefined) return this.#end.status;
    if (this.#handle === undefined) return "gone";
    return this.isAlive && !this.#isBehind ? "live" : "stale";
  }

  /** Why it is `stale` or `gone`, if not because of the connection or of its disposal. */
  get error(): LiveError | undefined {
    this.#settle();
    return this.#end?.error;
  }

  getSnapshot(): State {
    this.#settle();
    return this.#snapshot as State;
  }

  subscribe(listener: () => void): () => void {
    const remove = this.#listeners.add(listener, () => {
      if (this.#listeners.size > 0) return;
      this.#listening?.disconnect[dispose]();
      this.#listening = undefined;
    });
    this.#listening ??= {
      handle: this.#handle,
      disconnect: this.#context!.connection.notifyOnDisconnect(() => this.#listeners.notify()),
    };
    return remove;
  }

  /**
   * A part of the state as a source of its own, whose listeners are called when `isEqual` says that the part has
   * changed. Default: `Object.is`, which is right for parts that the selector returns as they are.
   */
  select<Selected>(
    selector: (state: State) => Selected,
    isEqual: (one: Selected, other: Selected) => boolean = Object.is,
  ): LiveSource<Selected> {
    return new Selection<State, Selected>((this.#handle ?? this) as LiveSource<State>, selector, isEqual);
  }

  /** @internal Called by the server. The answer tells that it may send packed patches. */
  observe_patch(rev: unknown, operations: unknown, since: unknown): number {
    this.#receive(rev, operations, since);
    return PACKED_VERSION;
  }

  /** @internal Called by the server with a packed patch. */
  observe_p(bytes: unknown): void {
    const { memory } = this.#context!;
    try {
      const patch = (this.#unpacker ??= new Unpacker()).read(bytes, memory.room);
      this.#receive(patch.revision, patch.operations, patch.since, patch.heapBytes);
    } catch (error) {
      if (!(error instanceof LiveError)) throw error;
      if (error.code === "LIVE_TOO_LARGE") memory.exceedRoom();
      if (this.#end === undefined) this.#stop("stale", error.code, error.message, error.cause);
    }
  }

  #receive(rev: unknown, operations: unknown, since: unknown, heapBytes = 0): void {
    const setsAll = isWhole(operations);
    if (this.#end !== undefined && !(setsAll && this.#end.status === "stale")) return;
    const known = this.#turn?.revision ?? this.#revision;
    const revision = numberOf(rev);
    if (!Number.isSafeInteger(revision) || revision <= known || (!setsAll && numberOf(since) !== known)) {
      this.#stop("stale", "LIVE_GAP", `The patch from revision ${brief(since)} to ${brief(rev)} is not for ${known}`);
      return;
    }
    this.#end = undefined;
    const turn = (this.#turn ??= {
      patched: new PatchedState(this.#snapshot, this.#longPointers),
      revision,
      heapBytes: [],
    });
    turn.revision = revision;
    if (heapBytes > 0) {
      this.#context!.memory.startCall(heapBytes);
      turn.heapBytes.push(heapBytes);
    }
    this.#apply(turn, operations);
    this.#changed();
  }

  /**
   * Applies a patch when it arrives, so that the time that it takes counts for the turn of the connection. All patches
   * of a turn copy each list and dict once.
   */
  #apply({ patched }: Turn, operations: unknown): void {
    try {
      if (isWhole(operations)) patched.replace(adopt(operations[0][1]));
      else patched.apply(operations);
    } catch (error) {
      if (!(error instanceof LiveError)) throw error;
      this.#finishTurn();
      this.#end = { status: "stale", error };
    }
  }

  #finishTurn(): void {
    for (const bytes of this.#turn?.heapBytes ?? []) this.#context!.memory.finishCall(bytes);
    this.#turn = undefined;
  }

  /** @internal Called by a server that has lost, or found again, what it gets the state from. */
  observe_stale(isBehind: unknown): void {
    this.#isBehind = isBehind === true;
    this.#listeners.notify();
  }

  /** @internal Called by the server when it cannot update the view anymore. */
  observe_gone(code: unknown): void {
    this.#stop("gone", "LIVE_ENDED", `The server has ended the view: ${brief(code)}`);
  }

  /** @internal Gives the parts that equal those of `previous` the same identity. */
  rebase(previous: State): void {
    this.#snapshot = reconcile(previous, this.getSnapshot()) as State;
  }

  /**
   * @internal Replaces the snapshot by what `change` makes of it, which must be frozen. Throws what `change` throws.
   */
  protected change(change: (state: State) => State): void {
    if (this.#end !== undefined) return;
    try {
      this.#snapshot = change(this.getSnapshot());
    } catch (cause) {
      this.#stop("stale", "LIVE_UPDATE_FAILED", "An update could not be applied", cause);
      throw cause;
    }
    this.#revision++;
    this.#changed();
  }

  get #handle(): object | undefined {
    const caches = this.#context?.imports.caches;
    return caches?.idOf(this) === undefined ? undefined : caches.handleOf(this);
  }

  /** At the end of the turn, makes a snapshot of the patched state and calls the listeners. */
  #changed(): void {
    this.#listeners.notify();
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#settle();
    });
  }

  #settle(): void {
    const turn = this.#turn;
    if (turn === undefined) return;
    this.#finishTurn();
    this.#snapshot = turn.patched.finish() as State;
    this.#revision = turn.revision;
  }

  #stop(status: "stale" | "gone", code: LiveErrorCode, message: string, cause?: unknown): void {
    this.#settle();
    if (this.#end?.status === "gone") return;
    this.#end = { status, error: new LiveError(code, message, { cause }) };
    this.#changed();
  }

  /** Shown by inspectors. */
  get [Symbol.toStringTag](): string {
    return LiveView.name;
  }
}

/**
 * Receives what a server sends as a `Live` under `name` as a {@link LiveView}:
 * `types.register(liveView("shop.Board"))`. Default: the name of a `Live` whose class has none of its own.
 */
export function liveView(name = "pb.Live"): TypeHandler<LiveView> {
  const handler = remoteCache<LiveView>(name, LiveView, (view, given, context, charge) => {
    const entries = plainState(given) ?? {};
    const { rev, state, packed } = entries as Partial<Record<"rev" | "state" | "packed", unknown>>;
    const first = packed instanceof Uint8Array ? unpackState(packed, charge) : state;
    const revision = numberOf(rev);
    if (first === undefined || !Number.isSafeInteger(revision))
      throw new LiveError("LIVE_NOT_A_VIEW", `The state of ${name} has no rev and state: is it a Live at the server?`);
    LiveView.start(view, first, revision, context);
  });
  return { ...handler, form: PACKED_FORM };
}

/** NaN for what is no number. `Number` alone throws for a dict. Exact values are bigints. */
function numberOf(value: unknown): number {
  return typeof value === "number" || typeof value === "bigint" ? Number(value) : NaN;
}

/** A patch that sets the whole state applies to each state. */
function isWhole(operations: unknown): operations is readonly [readonly [pointer: "", value: unknown]] {
  if (!Array.isArray(operations) || operations.length !== 1) return false;
  const step: unknown = operations[0];
  return Array.isArray(step) && step.length === 2 && step[0] === "";
}

/** What a peer has sent, for an error. */
function brief(value: unknown): string {
  return typeof value === "string"
    ? printable(value.slice(0, 100))
    : typeof value === "number"
      ? `${value}`
      : typeof value;
}
