// Caches that outlast a connection: what has not changed since is not sent again (`twisted.spread.publish`).

import { decode, encode } from "@pb/banana";
import { jelly, plainState, setOwnProperties, unjelly } from "@pb/jelly-types";
import type { Class, Float, TypeHandler } from "@pb/jelly-types";
import type { Perspective } from "../calls/callable.js";
import type { Channel } from "../references/graph-context.js";
import { Cacheable, RemoteCache, remoteCache } from "../flavors/cacheable.js";
import type { CacheObserver } from "../flavors/cacheable.js";
import { ViewPoint } from "../flavors/perspective.js";
import type { RemoteReference } from "../flavors/remote-reference.js";

/**
 * An object whose state the peer may keep from one connection to the next. The first sending tells only which version it is; the peer asks for
 * the state when it has another one. Call {@link republish} when the state has changed.
 */
export abstract class Publishable extends Cacheable {
  readonly publishedID: string;
  /** Which version of the state this is: seconds since 1970. */
  timestamp: number;

  /** `publishedID` tells this object from all others the same peer may keep. */
  constructor(publishedID: string) {
    super();
    this.publishedID = publishedID;
    this.timestamp = Date.now() / 1000;
  }

  /** The state, for `perspective`. Integers, text, lists, dicts and the like: it is written to the peer's store. */
  abstract getStateToPublishFor(perspective: Perspective): unknown;

  /** Says that the state has changed: who gets the object from now on asks for it anew. */
  republish(): void {
    // Two versions of one millisecond are two versions.
    this.timestamp = Math.max(Date.now() / 1000, this.timestamp + 0.000_001);
  }

  /** For the peer, which asks for the state through a view of its own. */
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
 * Where states are kept between connections. Keys are text; what is kept is bytes. May be synchronous. When it fails, `onEvent` is told, and the
 * state comes from the peer.
 */
export interface PublishedStore {
  load(key: string): Promise<Uint8Array | undefined> | Uint8Array | undefined;
  save(key: string, state: Uint8Array): Promise<void> | void;
}

/** Keeps states as long as the process lives. */
export class MemoryStore implements PublishedStore {
  readonly #states = new Map<string, Uint8Array>();

  load(key: string): Uint8Array | undefined {
    return this.#states.get(key);
  }

  save(key: string, state: Uint8Array): void {
    this.#states.set(key, state);
  }
}

/** What arrives first of a {@link Publishable}. */
interface Announcement {
  readonly remote: RemoteReference;
  readonly publishedID: string;
  readonly perspective: string;
  readonly service: string;
  readonly timestamp: number | Float;
}

/** A copy of a peer's {@link Publishable}, whose state comes from the store or, when it is not the newest, from the peer. */
export abstract class RemotePublished extends RemoteCache {
  /** Whether the state came from the store, and nothing was fetched. */
  declare readonly wasKept: boolean;
  /**
   * Resolves when the state is there, and the store has been offered it (`callWhenActivated`). Rejects when it can be had neither from the store nor
   * from the peer: as `callRemote` does.
   */
  declare readonly activated: Promise<void>;

  /** Takes the published state. Default: its entries become own properties. */
  setPublishedState(state: unknown): void {
    setOwnProperties(this, plainState(state));
  }
}

/** Makes what a peer publishes under `name` arrive as `type`, with states kept in `store`. */
export function remotePublished<T extends RemotePublished>(
  name: string,
  type: Class<T>,
  store: PublishedStore,
): TypeHandler<T> {
  return remoteCache(name, type, (cache, state, channel) => {
    const activated = activate(cache, state as Announcement, store, channel);
    activated.catch(() => undefined); // who waits for it learns of it
    setOwnProperties(cache, Object.assign(Object.create(null) as object, { activated, wasKept: false }));
  });
}

async function activate(
  cache: RemotePublished,
  announcement: Announcement,
  store: PublishedStore,
  channel: Channel,
): Promise<void> {
  const { publishedID, perspective, service } = announcement;
  using remote = announcement.remote;
  const timestamp = Number(announcement.timestamp);
  const key = `${service}-${perspective}-${publishedID}`;
  const kept = readKept(await tried(channel, () => store.load(key)));
  if (kept?.timestamp === timestamp) {
    cache.setPublishedState(kept.state);
    setOwnProperties(cache, Object.assign(Object.create(null) as object, { wasKept: true }));
    return;
  }
  const state = await remote.callRemote("getStateToPublish");
  cache.setPublishedState(state);
  await tried(channel, () =>
    store.save(key, encode(jelly({ timestamp: String(timestamp), state }), { dialect: "pb" })),
  );
}

/** What a store says. It is there to save time: without it the state can still be had. */
async function tried<T>(channel: Channel, use: () => Promise<T> | T): Promise<T | undefined> {
  try {
    return await use();
  } catch (error) {
    channel.report(error);
    return undefined;
  }
}

/** What a store has; undefined when that is nothing, or nothing that can be read. */
function readKept(bytes: Uint8Array | undefined): { timestamp: number; state: unknown } | undefined {
  if (bytes === undefined) return undefined;
  try {
    const { timestamp, state } = unjelly(decode(bytes, { dialect: "pb" })) as { timestamp: string; state: unknown };
    return { timestamp: Number(timestamp), state };
  } catch {
    return undefined; // a torn file: fetch it again
  }
}
