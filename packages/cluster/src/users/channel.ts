// Calls to objects of peers of all nodes, without answers.

import { broadcast } from "@pb/broker";
import type { Reference, RemoteMethods } from "@pb/broker";
import type { RemoteArguments, RemoteName } from "@pb/broker/extension";
import { pb } from "@pb/banana";
import { addDisposal, dispose, onDispose, PlainTree } from "@pb/jelly-types";
import { ClusterError } from "../errors.js";
import { readTree } from "../log/tree.js";
import type { Node } from "../nodes/node.js";

/** What is before the arguments in a message. */
interface Head {
  readonly method: string;
  /** For each argument: its bytes, and how deep it is. */
  readonly args: readonly (readonly [bytes: number, levels: number])[];
}

const NEWLINE = 10;
const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder();

/** A reference of a channel. */
interface Target {
  /** How often it was added, less how often that was taken back. */
  times: number;
  readonly subscription: Disposable;
}

/** References of peers of all nodes, which are called together: `broadcast` across nodes. */
export class ClusterChannel<T = RemoteMethods> {
  static {
    addDisposal(this);
  }

  readonly #node: Node;
  readonly #name: string;
  readonly #subject: string;
  readonly #stop: AbortController;
  readonly #targets = new Map<Reference<T>, Target>();

  /** @internal Use `cluster.channel`. `stop` ends it. */
  constructor(node: Node, name: string, engineName: string, stop: AbortController) {
    this.#node = node;
    this.#name = name;
    this.#subject = `channel.${engineName}`;
    this.#stop = stop;
    const unlisten = node.engine.listen(this.#subject, (bytes) => this.#relay(bytes));
    const end = (): void => {
      unlisten();
      for (const { subscription } of this.#targets.values()) subscription[dispose]();
      this.#targets.clear();
    };
    stop.signal.addEventListener("abort", end, { once: true });
  }

  /** The number of references of this node. */
  get size(): number {
    return this.#targets.size;
  }

  /**
   * Adds a reference until the result is disposed of, or the connection or the channel ends. Throws `TypeError` for
   * what is no reference, and `ClusterError` or `EngineError` when the channel, the node or its engine was closed.
   */
  add(target: Reference<T>): Disposable {
    if (typeof (target as Partial<Reference<T>> | null)?.notifyOnDisconnect !== "function")
      throw new TypeError("A channel calls references");
    this.#stop.signal.throwIfAborted();
    let entry = this.#targets.get(target);
    if (entry === undefined) {
      const subscription = target.notifyOnDisconnect(() => this.#targets.delete(target));
      this.#targets.set(target, (entry = { times: 0, subscription }));
    }
    entry.times++;
    let isAdded = true;
    return onDispose(() => {
      if (isAdded) this.#takeBack(target, entry);
      isAdded = false;
    });
  }

  /**
   * Stops listening and forgets all references: for a channel that is not needed anymore, such as that of a room which
   * is empty. Other results of `cluster.channel` with the same name go on.
   */
  close(): void {
    this.#stop.abort(new ClusterError("CLUSTER_CLOSED", `The channel ${this.#name} was closed`));
  }

  /** The same as {@link close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * Calls a method of all references of all nodes, without answers and at most once: nodes whose engine is away do not
   * get it. The arguments are plain data, which is written once; nodes relay its bytes. Throws `JellyError` for other
   * values, `EngineError` for more bytes than the engine sends, and `ClusterError` or `EngineError` when the channel,
   * the node or its engine was closed.
   */
  broadcast<Name extends RemoteName<T>>(name: Name, ...args: RemoteArguments<T, Name>): void {
    this.#stop.signal.throwIfAborted();
    const trees = (args as readonly unknown[]).map((argument) => new PlainTree(argument));
    const parts = trees.map((tree) => tree.bytesIn(pb));
    const head: Head = {
      method: name,
      args: trees.map((tree, index) => [parts[index]!.length, tree.levelsIn(pb)]),
    };
    this.#node.engine.send(this.#subject, concatenate([utf8.encode(`${JSON.stringify(head)}\n`), ...parts]));
  }

  #takeBack(target: Reference<T>, entry: Target): void {
    if (--entry.times > 0) return;
    entry.subscription[dispose]();
    if (this.#targets.get(target) === entry) this.#targets.delete(target);
  }

  #relay(bytes: Uint8Array): void {
    try {
      const end = bytes.indexOf(NEWLINE);
      const { method, args } = JSON.parse(fromUtf8.decode(bytes.subarray(0, end))) as Head;
      let offset = end + 1;
      const trees = args.map(([length, levels]) => {
        const part = bytes.slice(offset, (offset += length));
        return PlainTree.ofBytes(pb, part, levels, () => readTree(part));
      });
      const targets: readonly Reference[] = [...this.#targets.keys()];
      broadcast(targets, method, ...trees);
    } catch (cause) {
      this.#node.report(new ClusterError("CLUSTER_BAD_RECORD", "A message of a channel cannot be sent", { cause }));
    }
  }
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}
