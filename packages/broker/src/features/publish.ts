// Cached objects whose state outlives the connection: a state that has not changed is not sent again
// (`twisted.spread.publish`).

import { decode, dispose, encode, Float } from "@pb/banana";
import { jelly, JellyError, plainState, setOwnProperties, takeDropped, unjelly } from "@pb/jelly-types";
import type { Class, Exactness, TypeHandler } from "@pb/jelly-types";
import type { Connection, Perspective } from "../calls/callable.js";
import { Cacheable, RemoteCache, remoteCache } from "../flavors/cacheable.js";
import type { CacheObserver } from "../flavors/cacheable.js";
import { ViewPoint } from "../flavors/perspective.js";
import { RemoteReference } from "../flavors/remote-reference.js";
import type { ConnectionContext } from "../references/graph-context.js";
import type { PublishedStore } from "./published-store.js";

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

const PUBLICATION: unique symbol = Symbol("publication");

interface Publication {
  wasKept: boolean;
  activated: Promise<void>;
}

/**
 * Whose states they are: a text such as the name of the server and the user, or a function that returns it for a
 * connection.
 */
export type PublishedScope = string | ((connection: Connection) => string);

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
  /** @internal Under a symbol, because the peer chooses the names in the state. */
  declare [PUBLICATION]: Publication;

  /** Whether the state came from the store. */
  get wasKept(): boolean {
    return this[PUBLICATION].wasKept;
  }

  /**
   * Resolves when the state is set and the store has saved it (`callWhenActivated`). Rejects, as `callRemote` does,
   * when neither the store nor the peer provides the state.
   */
  get activated(): Promise<void> {
    return this[PUBLICATION].activated;
  }

  /** Sets the published state. Default: its entries become own properties. */
  setPublishedState(state: unknown): void {
    setOwnProperties(this, plainState(state));
  }
}

/**
 * Receives what a peer publishes under `name` as an instance of `type`, and keeps the states in `store`.
 *
 * A state is found only in the `scope` in which it was kept. The peer chooses the ids of its objects, so choose a scope
 * that contains which server the connection goes to, unless all connections go to one server, and which user has logged
 * in, unless all users see the same states. Without that, one server could announce the object of another one, and one
 * user could get a state that was sent to another one. Throws `TypeError` without a scope.
 */
export function remotePublished<T extends RemotePublished>(
  name: string,
  type: Class<T>,
  store: PublishedStore,
  scope: PublishedScope,
): TypeHandler<T> {
  if (typeof scope !== "string" && typeof scope !== "function")
    throw new TypeError("remotePublished needs a scope: a text, or a function that returns one for a connection");
  return remoteCache(name, type, (cache, state, context) => {
    const announcement = readAnnouncement(state);
    const publication: Publication = { wasKept: false, activated: Promise.resolve() };
    Object.defineProperty(cache, PUBLICATION, { value: publication });
    const keeping = { store, scope, name, context };
    const activated = activate(cache, publication, announcement, keeping).finally(() => announcement.remote[dispose]());
    activated.catch(() => undefined); // Reported to a program that waits for `activated`.
    publication.activated = activated;
  });
}

/** Throws {@link JellyError} for anything but the state of a {@link Publishable}. */
function readAnnouncement(state: unknown): Announcement {
  const { remote, publishedID, perspective, service, timestamp } = (plainState(state) ?? {}) as Partial<Announcement>;
  if (!(remote instanceof RemoteReference)) throw malformed("a reference");
  // Another object may have no conversion to a number.
  const at = timestamp instanceof Float ? timestamp.value : typeof timestamp === "object" ? NaN : Number(timestamp);
  if (Number.isNaN(at)) throw malformed("a timestamp");
  return {
    remote,
    publishedID: idOf(publishedID),
    perspective: idOf(perspective),
    service: idOf(service),
    timestamp: at,
  };
}

function malformed(what: string): JellyError {
  return new JellyError("JELLY_MALFORMED", `The state of a published object needs ${what}`);
}

/** A part of the id as text. Twisted sends text, bytes, numbers or None. */
function idOf(part: unknown): string {
  if (typeof part === "string") return part;
  if (part instanceof Uint8Array) return `bytes ${Array.from(part).join(" ")}`;
  if (typeof part === "object" && part !== null) throw malformed("an id that is text");
  return `${typeof part} ${String(part)}`;
}

/** Where the states of one class are kept. */
interface Keeping {
  readonly store: PublishedStore;
  readonly scope: PublishedScope;
  readonly name: string;
  readonly context: ConnectionContext;
}

async function activate(
  cache: RemotePublished,
  publication: Publication,
  { remote, ...announced }: Announcement,
  keeping: Keeping,
): Promise<void> {
  const { store, name, context } = keeping;
  const { timestamp } = announced;
  const key = await reportErrors(context, () => keyOf(keeping, announced));
  const load = async () => (key === undefined ? undefined : store.load(key));
  const kept = parseKept(await reportErrors(context, load), context.config.exactness);
  if (kept?.timestamp === timestamp) {
    publication.wasKept = true;
    setState(cache, kept.state, name, context);
    return;
  }
  const state = await remote.callRemote("getStateToPublish");
  setState(cache, state, name, context);
  if (key === undefined) return;
  await reportErrors(context, () =>
    store.save(key, encode(jelly({ timestamp: String(timestamp), state }), { dialect: "pb" })),
  );
}

function setState(
  cache: RemotePublished,
  state: unknown,
  name: string,
  { config, connection }: ConnectionContext,
): void {
  cache.setPublishedState(state);
  const dropped = takeDropped(cache);
  if (dropped.length > 0) config.reportDropped(name, dropped, connection);
}

/**
 * The key of a state: a digest of the scope and of the words of the peer, which can be of any length and contain `../`.
 * Undefined in a browser without a secure context, which has no digests: the state is then requested each time.
 */
async function keyOf(
  { scope, name, context }: Keeping,
  { service, perspective, publishedID }: Omit<Announcement, "remote">,
): Promise<string | undefined> {
  const { subtle } = crypto as { subtle?: typeof crypto.subtle };
  if (subtle === undefined) return undefined;
  const chosen: unknown = typeof scope === "function" ? scope(context.connection) : scope;
  // Connections without a scope, such as those of users without a name, would share their states.
  if (typeof chosen !== "string") throw new TypeError(`The scope of ${name} must be a text, not ${String(chosen)}`);
  const text = JSON.stringify([chosen, name, service, perspective, publishedID]);
  const digest = new Uint8Array(await subtle.digest("SHA-256", utf8.encode(text)));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const utf8 = new TextEncoder();

/** Uses the store, which only saves time: when it fails, the error is reported and the result is undefined. */
async function reportErrors<T>(context: ConnectionContext, use: () => Promise<T> | T): Promise<T | undefined> {
  try {
    return await use();
  } catch (error) {
    context.config.reportError(error, context.connection);
    return undefined;
  }
}

/** The content of the store. Undefined when there is none, or when it cannot be read. */
function parseKept(
  bytes: Uint8Array | undefined,
  exactness: Exactness,
): { timestamp: number; state: unknown } | undefined {
  if (bytes === undefined) return undefined;
  try {
    const read = plainState(unjelly(decode(bytes, { dialect: "pb" }), exactness));
    const { timestamp, state } = read as { timestamp: string; state: unknown };
    return { timestamp: Number(timestamp), state };
  } catch {
    return undefined; // For example a file that was not written completely: the state is requested again.
  }
}
