// Leases in a bucket of NATS. An engine has one session, which it renews three times per lease; a key belongs to the
// session of the engine that holds it. So the cost of renewing depends on the number of nodes, not on that of keys.
//
// Whether a session has expired is decided by the clock of each watcher: it has not seen a renewal for the whole lease.
// A key of such a session is taken over by replacing exactly the entry that was seen (compare and set).

import type { KV } from "@nats-io/kv";
import { nuid } from "@nats-io/transport-node";
import type { Lease } from "../engine/engine.js";
import { engineError, isWrongLastSequence } from "./nats-errors.js";
import { OrderedReader } from "./reader.js";
import type { StoredMessage } from "./reader.js";
import { BUCKET_TTL_MS } from "./session.js";
import type { NatsSession } from "./session.js";

/** A key in the bucket. */
interface Entry {
  readonly revision: number;
  /** Undefined after the key was released. */
  readonly value: { readonly holder: string; readonly session: string } | undefined;
}

interface SeenSession {
  readonly leaseMs: number;
  seenAt: number;
  /** Of the reading that has seen it last. */
  round: number;
}

type KeyListener = (key: string, holder: string | undefined) => void;

/** The leases of one engine, and the keys of the whole cluster as it sees them. */
export class Leases {
  readonly #session: NatsSession;
  readonly #leaseMs: number;
  /** The session of this engine. */
  readonly #id: string = nuid.next();
  /** The stream of the bucket, and what its subjects begin with. */
  readonly #stream: string;
  readonly #bucket: string;
  readonly #reader: OrderedReader;
  readonly #entries = new Map<string, Entry & { round: number }>();
  readonly #sessions = new Map<string, SeenSession>();
  readonly #watchers = new Set<Watcher>();
  readonly #held = new Set<HeldLease>();
  /** Those that a claim is asking for. */
  readonly #claiming = new Set<HeldLease>();
  readonly #renewTimer: ReturnType<typeof setInterval>;
  readonly #sweepTimer: ReturnType<typeof setInterval>;
  readonly #unsubscribe: () => void;
  #round = 0;
  #isCaughtUp = false;
  #sweptAt = performance.now();
  #renewedAt = performance.now();

  /** Resolves when the keys that exist are known. */
  static async open(session: NatsSession, prefix: string, leaseMs: number): Promise<Leases> {
    const leases = new Leases(session, prefix, leaseMs);
    try {
      await session.kv.put(...leases.#renewal());
      await leases.#reader.started;
      return leases;
    } catch (error) {
      await leases.close();
      throw engineError(error, "read the leases");
    }
  }

  private constructor(session: NatsSession, prefix: string, leaseMs: number) {
    this.#session = session;
    this.#leaseMs = leaseMs;
    this.#stream = `KV_${prefix}-leases`;
    this.#bucket = `$KV.${prefix}-leases.`;
    this.#reader = new OrderedReader(session, {
      stream: this.#stream,
      subject: `${this.#bucket}>`,
      from: "latest",
      deliver: (message) => this.#receive(message),
      restart: () => {
        this.#round++;
      },
      caughtUp: () => this.#caughtUp(),
    });
    this.#renewTimer = setInterval(() => void this.#renew(), leaseMs / 3);
    this.#sweepTimer = setInterval(() => this.#sweep(), leaseMs / 5);
    this.#unsubscribe = session.onState((state) => {
      if (state === "away") this.#isCaughtUp = false;
      if (state === "connected") void this.#renew();
    });
  }

  /** See `ClusterEngine.claim`. */
  async claim(key: string, holder: string): Promise<Lease | undefined> {
    this.#session.requireConnected();
    const value = JSON.stringify({ holder, session: this.#id });
    const lease = new HeldLease(this.#session.kv, keyName(key), value, () => this.#held.delete(lease));
    this.#claiming.add(lease);
    try {
      // The second attempt knows what is in the bucket now: a release may have been on the way.
      if (!(await this.#take(lease, key))) {
        await this.#refresh(key);
        if (!(await this.#take(lease, key))) return undefined;
      }
    } catch (error) {
      throw engineError(error, "claim a key");
    } finally {
      this.#claiming.delete(lease);
    }
    this.#held.add(lease);
    return lease;
  }

  async #take(lease: HeldLease, key: string): Promise<boolean> {
    const entry = this.#entries.get(key);
    const isFree = this.#holderOf(entry) === undefined || this.#isOrphan(key, entry);
    return isFree && lease.put(entry?.revision ?? 0);
  }

  /**
   * Whether an entry is of this session, but no lease: the server has executed a claim whose answer did not arrive in
   * time.
   */
  #isOrphan(key: string, entry: Entry | undefined): boolean {
    const isOf = (lease: HeldLease): boolean => lease.name === keyName(key);
    return entry?.value?.session === this.#id && ![...this.#held].some(isOf);
  }

  /** Reads the entry of a key. */
  async #refresh(key: string): Promise<void> {
    const subject = this.#bucket + keyName(key);
    const message = await this.#session.jsm.streams.getMessage(this.#stream, { last_by_subj: subject });
    if (message !== null) this.#receive({ subject, number: message.seq, headers: message.header, data: message.data });
  }

  /** See `ClusterEngine.watch`. */
  watch(prefix: string, listener: KeyListener): () => void {
    const watcher = new Watcher(`${prefix}.`, listener);
    this.#watchers.add(watcher);
    queueMicrotask(() => {
      for (const [key, entry] of this.#entries) watcher.tell(key, this.#holderOf(entry));
    });
    return () => {
      watcher.isClosed = true;
      this.#watchers.delete(watcher);
    };
  }

  /** Gives all keys up and ends the session, as far as NATS can be reached. Never rejects. */
  async close(): Promise<void> {
    clearInterval(this.#renewTimer);
    clearInterval(this.#sweepTimer);
    this.#unsubscribe();
    this.#reader.close();
    const isConnected = this.#session.state === "connected";
    await Promise.all([...this.#held].map((lease) => lease.release(isConnected)));
    if (isConnected) await this.#session.kv.delete(sessionName(this.#id)).catch(() => undefined);
  }

  #renewal(): [key: string, value: string] {
    return [sessionName(this.#id), JSON.stringify({ leaseMs: this.#leaseMs })];
  }

  /** Renews the session, and the keys that the bucket would drop otherwise. */
  async #renew(): Promise<void> {
    if (this.#session.state !== "connected") return;
    // A failure is noticed by the check of the session and by the other nodes.
    const renewed = await this.#session.kv.put(...this.#renewal()).catch(() => undefined);
    if (renewed !== undefined) this.#renewedAt = performance.now();
    for (const lease of this.#held) await lease.keep().catch(() => undefined);
  }

  #receive({ subject, number, headers, data }: StoredMessage): void {
    const name = subject.slice(this.#bucket.length);
    const isDeleted = (headers?.get("KV-Operation") ?? "") !== "";
    const value = isDeleted ? undefined : parse(data);
    if (name.startsWith("key.")) this.#receiveKey(name.slice(4), number, value);
    if (name.startsWith("session.")) this.#receiveSession(name.slice(8), value);
  }

  #receiveKey(key: string, revision: number, value: Record<string, unknown> | undefined): void {
    const known = this.#entries.get(key);
    // In the first round that sees a key, what is in the bucket counts: it may be a new bucket.
    if (known?.round === this.#round && known.revision >= revision) return;
    const { holder, session } = value ?? {};
    const isHeld = typeof holder === "string" && typeof session === "string";
    this.#entries.set(key, { revision, value: isHeld ? { holder, session } : undefined, round: this.#round });
    // A key may be read before its session, which was renewed later.
    if (isHeld && !this.#sessions.has(session)) this.#saw(session, this.#leaseMs);
    for (const lease of this.#held) if (lease.name === keyName(key)) lease.saw(revision, session === this.#id);
    const isClaiming = [...this.#claiming].some(({ name }) => name === keyName(key));
    if (!isClaiming && this.#isOrphan(key, this.#entries.get(key)))
      void this.#session.kv.delete(keyName(key), { previousSeq: revision }).catch(() => undefined);
    this.#tell(key);
  }

  #receiveSession(id: string, value: Record<string, unknown> | undefined): void {
    const leaseMs = value?.leaseMs;
    if (typeof leaseMs !== "number") return this.#expire(id);
    const isNew = !this.#sessions.has(id);
    this.#saw(id, leaseMs);
    if (isNew) this.#tellKeysOf(id);
  }

  #saw(id: string, leaseMs: number): void {
    this.#sessions.set(id, { leaseMs, seenAt: performance.now(), round: this.#round });
  }

  /** After the connection was lost: forgets what the bucket has dropped, and gives all sessions a whole lease. */
  #caughtUp(): void {
    this.#isCaughtUp = true;
    this.#sweptAt = performance.now();
    for (const seen of this.#sessions.values()) seen.seenAt = this.#sweptAt;
    for (const [key, { round }] of this.#entries) {
      if (round === this.#round) continue;
      this.#entries.delete(key);
      for (const lease of this.#held) if (lease.name === keyName(key)) lease.saw(Infinity, false);
      this.#tell(key);
    }
  }

  /**
   * Finds the sessions that have expired. None expires while the server does not renew that of this engine either, nor
   * at the end of a pause of this process, when there are messages that it has not read.
   */
  #sweep(): void {
    const now = performance.now();
    const pauseMs = now - this.#sweptAt;
    this.#sweptAt = now;
    if (!this.#isCaughtUp) return;
    const hasPaused = pauseMs > this.#leaseMs / 2 || now - this.#renewedAt > (this.#leaseMs * 2) / 3;
    for (const [id, seen] of this.#sessions) {
      if (hasPaused) seen.seenAt = now;
      if (now - seen.seenAt > seen.leaseMs) this.#expire(id);
    }
  }

  #expire(id: string): void {
    if (this.#sessions.delete(id)) this.#tellKeysOf(id);
  }

  #tellKeysOf(session: string): void {
    for (const [key, { value }] of this.#entries) if (value?.session === session) this.#tell(key);
  }

  #tell(key: string): void {
    const holder = this.#holderOf(this.#entries.get(key));
    for (const watcher of [...this.#watchers]) watcher.tell(key, holder);
  }

  #holderOf(entry: Entry | undefined): string | undefined {
    const { value } = entry ?? {};
    return value !== undefined && (value.session === this.#id || this.#sessions.has(value.session))
      ? value.holder
      : undefined;
  }
}

/** Tells a listener the changes of some keys. */
class Watcher {
  isClosed = false;
  readonly #prefix: string;
  readonly #listener: KeyListener;
  readonly #told = new Map<string, string>();

  constructor(prefix: string, listener: KeyListener) {
    this.#prefix = prefix;
    this.#listener = listener;
  }

  tell(key: string, holder: string | undefined): void {
    if (this.isClosed || !key.startsWith(this.#prefix) || this.#told.get(key) === holder) return;
    if (holder === undefined) this.#told.delete(key);
    else this.#told.set(key, holder);
    this.#listener(key, holder);
  }
}

/** A key that this engine holds, until another engine has it. */
class HeldLease implements Lease {
  readonly name: string;
  readonly #kv: KV;
  readonly #value: string;
  readonly #ended: () => void;
  readonly #lost = new AbortController();
  #revision = 0;
  #writtenAt = 0;

  constructor(kv: KV, name: string, value: string, ended: () => void) {
    this.#kv = kv;
    this.name = name;
    this.#value = value;
    this.#ended = ended;
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Takes the key from the entry with this revision. Resolves with false if it has another one. */
  async put(revision: number): Promise<boolean> {
    const writtenAt = performance.now();
    // The bucket may have dropped an old entry: then there is none.
    for (const previousSeq of revision === 0 ? [0] : [revision, 0]) {
      try {
        this.#revision = await this.#kv.put(this.name, this.#value, { previousSeq });
        this.#writtenAt = writtenAt;
        return true;
      } catch (error) {
        if (!isWrongLastSequence(error)) throw error;
      }
    }
    return false;
  }

  /** Writes the entry again before the bucket drops it. */
  async keep(): Promise<void> {
    if (performance.now() - this.#writtenAt > BUCKET_TTL_MS / 3 && !(await this.put(this.#revision))) this.#end();
  }

  /** Called with the entry that the bucket has now. */
  saw(revision: number, isOwn: boolean): void {
    if (revision <= this.#revision) return;
    if (isOwn) this.#revision = revision;
    else this.#end();
  }

  async release(isConnected = true): Promise<void> {
    if (this.lost.aborted) return;
    this.#end();
    // An entry that another engine has written stays.
    if (isConnected) await this.#kv.delete(this.name, { previousSeq: this.#revision }).catch(() => undefined);
  }

  #end(): void {
    this.#ended();
    this.#lost.abort();
  }
}

function keyName(key: string): string {
  return `key.${key}`;
}

function sessionName(id: string): string {
  return `session.${id}`;
}

/** An entry of the bucket. What a foreign program has written counts as released. */
function parse(data: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(data));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
