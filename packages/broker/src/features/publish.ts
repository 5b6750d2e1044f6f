// Cached objects whose state outlives the connection: a state that has not changed is not sent again
// (`twisted.spread.publish`).

import { decode, encode } from "@pb/banana";
import { jelly, plainState, setOwnProperties, unjelly } from "@pb/jelly-types";
import type { Class, Float, TypeHandler } from "@pb/jelly-types";
import type { Perspective } from "../calls/callable.js";
import { Cacheable, RemoteCache, remoteCache } from "../flavors/cacheable.js";
import type { CacheObserver } from "../flavors/cacheable.js";
import { ViewPoint } from "../flavors/perspective.js";
import type { RemoteReference } from "../flavors/remote-reference.js";
import type { ConnectionContext } from "../references/graph-context.js";

/**
 * An object whose state the peer may keep from one connection to the next. Sending it only sends the version of its
 * state; the peer requests the state if it has a different version. Call {@link republish} after a change of the state.
 */
export abstract class Publishable extends Cacheable {
  readonly publishedID: string;
  /** The version of the state: seconds since 1970. */
  timestamp: number;

  /** `publishedID` identifies the object among all that the same peer may keep. */
  constructor(publishedID: string) {
    super();
    this.publishedID = publishedID;
    this.timestamp = Date.now() / 1000;
  }

  /**
   * The state for `perspective`. It is written to the store of the peer, so it consists of plain values: numbers, text,
   * lists, dicts.
   */
  abstract getStateToPublishFor(perspective: Perspective): unknown;

  /** Marks the state as changed: a peer that receives the object from now on requests the state again. */
  republish(): void {
    // Always increases, also for two changes within one millisecond.
    this.timestamp = Math.max(Date.now() / 1000, this.timestamp + 0.000_001);
  }

  /** Called by the peer to request the state. */
  view_getStateToPublish(perspective: Perspective): unknown {
    return this.getStateToPublishFor(perspective);
  }

  override getStateToCacheAndObserveFor(perspective: Perspective, _observer: CacheObserver): unknown {
    const { publishedID, timestamp } = this;
    const remote = new ViewPoint(perspective, this);
    return { remote, publishedID, perspective: "None", service: "None", timestamp };
  }
}

/**
 * Keeps states between connections, as bytes under text keys. The methods may be synchronous. When one fails, the error
 * is reported to `onEvent`, and the state is requested from the peer.
 */
export interface PublishedStore {
  load(key: string): Promise<Uint8Array | undefined> | Uint8Array | undefined;
  save(key: string, state: Uint8Array): Promise<void> | void;
}

/** Keeps states in the memory of the process. */
export class MemoryStore implements PublishedStore {
  readonly #states = new Map<string, Uint8Array>();

  load(key: string): Uint8Array | undefined {
    return this.#states.get(key);
  }

  save(key: string, state: Uint8Array): void {
    this.#states.set(key, state);
  }
}

/** What is sent of a {@link Publishable}. */
interface Announcement {
  readonly remote: RemoteReference;
  readonly publishedID: string;
  readonly perspective: string;
  readonly service: string;
  readonly timestamp: number | Float;
}

/**
 * A copy of a {@link Publishable} of the peer. Its state comes from the store if that has the current version, else
 * from the peer.
 */
export abstract class RemotePublished extends RemoteCache {
  /** Whether the state came from the store. */
  declare readonly wasKept: boolean;
  /**
   * Resolves when the state is set and the store has saved it (`callWhenActivated`). Rejects, as `callRemote` does,
   * when neither the store nor the peer provides the state.
   */
  declare readonly activated: Promise<void>;

  /** Sets the published state. Default: its entries become own properties. */
  setPublishedState(state: unknown): void {
    setOwnProperties(this, plainState(state));
  }
}

/** Receives what a peer publishes under `name` as an instance of `type`, and keeps the states in `store`. */
export function remotePublished<T extends RemotePublished>(
  name: string,
  type: Class<T>,
  store: PublishedStore,
): TypeHandler<T> {
  return remoteCache(name, type, (cache, state, context) => {
    const activated = activate(cache, state as Announcement, store, context);
    activated.catch(() => undefined); // Reported to a program that waits for `activated`.
    setOwnProperties(cache, Object.assign(Object.create(null) as object, { activated, wasKept: false }));
  });
}

async function activate(
  cache: RemotePublished,
  announcement: Announcement,
  store: PublishedStore,
  context: ConnectionContext,
): Promise<void> {
  const { publishedID, perspective, service } = announcement;
  using remote = announcement.remote;
  const timestamp = Number(announcement.timestamp);
  const key = `${service}-${perspective}-${publishedID}`;
  const kept = parseKept(await reportErrors(context, () => store.load(key)));
  if (kept?.timestamp === timestamp) {
    cache.setPublishedState(kept.state);
    setOwnProperties(cache, Object.assign(Object.create(null) as object, { wasKept: true }));
    return;
  }
  const state = await remote.callRemote("getStateToPublish");
  cache.setPublishedState(state);
  await reportErrors(context, () =>
    store.save(key, encode(jelly({ timestamp: String(timestamp), state }), { dialect: "pb" })),
  );
}

/** Uses the store, which only saves time: when it fails, the error is reported and the result is undefined. */
async function reportErrors<T>(context: ConnectionContext, use: () => Promise<T> | T): Promise<T | undefined> {
  try {
    return await use();
  } catch (error) {
    context.config.reportError(error);
    return undefined;
  }
}

/** The content of the store. Undefined when there is none, or when it cannot be read. */
function parseKept(bytes: Uint8Array | undefined): { timestamp: number; state: unknown } | undefined {
  if (bytes === undefined) return undefined;
  try {
    const { timestamp, state } = unjelly(decode(bytes, { dialect: "pb" })) as { timestamp: string; state: unknown };
    return { timestamp: Number(timestamp), state };
  } catch {
    return undefined; // For example a file that was not written completely: the state is requested again.
  }
}
