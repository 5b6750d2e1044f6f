// Presence: who is here, as a live object.

import { Referenceable } from "@pb/broker";
import { onDispose } from "@pb/jelly-types";
import { seal } from "@pb/live/extension";
import { OutcomeUnknownError } from "@pb/transport";
import type { HomeState } from "../home/home-state.js";
import type { ClusterLive } from "../live/cluster-live.js";
import type { Node } from "../nodes/node.js";
import { pause } from "../pause.js";
import { RepeatedErrors } from "../repeated-errors.js";

/** What is known of a member on one node: plain data. */
export type PresenceInfo = Readonly<Record<string, unknown>>;

/** For each member: the nodes where it is, and what these know of it. */
export type PresenceState = Readonly<Record<string, Readonly<Record<string, PresenceInfo>>>>;

/** Members of one node: null for one that has left. */
type Changes = Readonly<Record<string, PresenceInfo | null>>;

/** Before a node tells its members again when that has failed. */
const RETRY_MS = 250;

/** How long the home may take to write a change. */
const CALL_MS = 10_000;

/** The members that are present on any node. When a node ends, its members are removed. */
export class ClusterPresence {
  /** The members as a live object: return it from a method. */
  readonly live: ClusterLive<PresenceState, PresenceMethods>;
  readonly #node: Node;
  /** For each member: once for each time that it has entered. */
  readonly #members = new Map<string, Set<{ readonly info: PresenceInfo }>>();
  readonly #changed = new Set<string>();
  /** Whether the home may know anything of this node. */
  #tellsAll = true;
  #isTelling = false;

  /** @internal Use `cluster.presence`. */
  constructor(node: Node, live: ClusterLive<PresenceState, PresenceMethods>) {
    this.#node = node;
    this.live = live;
    this.tellAll();
  }

  /**
   * A member is here, until the result is disposed of. It may be here several times, for example with several
   * connections: then `info` is that of the last one. It is plain data, and is frozen. Throws `TypeError` for a member
   * that is not text and for an `info` that is no object, `LiveError` for one that is not plain data, and
   * `ClusterError` or `EngineError` when the node or its engine was closed.
   */
  enter(member: string, info: PresenceInfo = {}): Disposable {
    if (typeof member !== "string" || member === "__proto__") throw new TypeError("A member must be text");
    if (typeof (info as unknown) !== "object" || (info as unknown) === null)
      throw new TypeError("What is known of a member must be an object");
    seal(info, undefined, "What is known of a member"); // Otherwise it would keep the home from learning of the others.
    this.#node.signal.throwIfAborted();
    const entry = { info };
    const entries = this.#members.get(member) ?? new Set();
    this.#members.set(member, entries.add(entry));
    this.#tell(member);
    return onDispose(() => {
      if (!entries.delete(entry)) return; // It was disposed of before.
      if (entries.size === 0) this.#members.delete(member);
      this.#tell(member);
    });
  }

  /** @internal Tells the home all members of this node: it may have forgotten them. */
  tellAll(): void {
    this.#tellsAll = true;
    if (!this.#isTelling) void this.#run();
  }

  #hasMore(): boolean {
    return (this.#tellsAll || this.#changed.size > 0) && !this.#node.signal.aborted;
  }

  /** What is known since it has entered last, or null. */
  #infoOf(member: string): PresenceInfo | null {
    return [...(this.#members.get(member) ?? [])].at(-1)?.info ?? null;
  }

  #tell(member: string): void {
    this.#changed.add(member);
    if (!this.#isTelling) void this.#run();
  }

  async #run(): Promise<void> {
    const { name, signal } = this.#node;
    const errors = new RepeatedErrors((error) => this.#node.report(error));
    this.#isTelling = true;
    await Promise.resolve(); // Changes of one turn are one call.
    while (this.#hasMore()) {
      const isAll = this.#tellsAll;
      const members = isAll ? [...this.#members.keys()] : [...this.#changed];
      this.#tellsAll = false;
      this.#changed.clear();
      const changes = Object.fromEntries(members.map((member) => [member, this.#infoOf(member)]));
      try {
        await this.live.with({ once: true, timeoutMs: CALL_MS, signal }).callRemote("change", name, changes, isAll);
        errors.succeeded();
      } catch (error) {
        // An unknown outcome does no harm, because the members are told again. The connection has reported a refusal.
        const { code } = error as { readonly code?: unknown };
        const isHarmless = code === "CLUSTER_NODE_REFUSED" || error instanceof OutcomeUnknownError;
        if (!signal.aborted && !isHarmless) errors.failed(error);
        this.#tellsAll = true;
        await pause(RETRY_MS, signal);
      }
    }
    this.#isTelling = false;
  }
}

/** What the nodes call at the home. */
export class PresenceMethods extends Referenceable {
  readonly #state: HomeState<PresenceState>;

  /** @internal */
  constructor(state: HomeState<PresenceState>) {
    super();
    this.#state = state;
  }

  /** @internal */
  remote_change(node: string, changes: Changes, isAll: boolean): Promise<void> {
    return this.#state.update((draft) => {
      const members = draft as Record<string, Record<string, unknown>>;
      if (isAll)
        for (const member of Object.keys(members)) if (!Object.hasOwn(changes, member)) leave(members, member, node);
      for (const [member, info] of Object.entries(changes)) {
        if (info === null) leave(members, member, node);
        else if (Object.hasOwn(members, member)) members[member]![node] = info;
        else members[member] = { [node]: info };
      }
    });
  }
}

function leave(members: Record<string, Record<string, unknown>>, member: string, node: string): void {
  const nodes = members[member];
  if (nodes === undefined || !Object.hasOwn(nodes, node)) return;
  // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- a draft of the state
  delete nodes[node];
  // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- a draft of the state
  if (Object.keys(nodes).length === 0) delete members[member];
}

/** Removes the members of nodes that have ended, while this node is home. */
export function removeDeadNodes(state: HomeState<PresenceState>, node: Node): PresenceMethods {
  const methods = new PresenceMethods(state);
  const remove = (dead: string): void => {
    methods.remote_change(dead, {}, true).catch((error: unknown) => {
      if (!state.signal.aborted) node.report(error);
    });
  };
  const unwatch = node.engine.watch("node", (_key, holder) => {
    if (holder === undefined) void check();
  });
  state.signal.addEventListener("abort", unwatch, { once: true });
  /** A node is dead if its key can be taken. */
  const check = async (): Promise<void> => {
    const nodes = new Set(Object.values(state.state).flatMap((infos) => Object.keys(infos)));
    nodes.delete(node.name);
    for (const other of nodes) {
      const lease = await node.engine.claim(node.keyOf(other), "no node").catch(() => undefined);
      if (lease === undefined) continue;
      if (!state.signal.aborted) remove(other);
      await lease.release();
    }
  };
  void check();
  return methods;
}
