// Calls to objects of peers of all nodes, without answers.

import { broadcast } from "@pb/broker";
import type { Reference, RemoteMethods } from "@pb/broker";
import type { RemoteArguments, RemoteName } from "@pb/broker/extension";
import { pb } from "@pb/banana";
import { dispose, onDispose, PlainTree } from "@pb/jelly-types";
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

/** References of peers of all nodes, which are called together: `broadcast` across nodes. */
export class ClusterChannel<T = RemoteMethods> {
  readonly #node: Node;
  readonly #subject: string;
  readonly #targets = new Set<Reference<T>>();

  /** @internal Use `cluster.channel`. */
  constructor(node: Node, engineName: string) {
    this.#node = node;
    this.#subject = `channel.${engineName}`;
    const unlisten = node.engine.listen(this.#subject, (bytes) => this.#relay(bytes));
    node.signal.addEventListener("abort", () => {
      unlisten();
      this.#targets.clear();
    });
  }

  /** The number of references of this node. */
  get size(): number {
    return this.#targets.size;
  }

  /** Adds a reference until the result is disposed of, or the connection ends. */
  add(target: Reference<T>): Disposable {
    if (typeof (target as Partial<Reference<T>> | null)?.notifyOnDisconnect !== "function")
      throw new TypeError("A channel calls references");
    this.#targets.add(target);
    const subscription = target.notifyOnDisconnect(() => this.#targets.delete(target));
    return onDispose(() => {
      subscription[dispose]();
      this.#targets.delete(target);
    });
  }

  /**
   * Calls a method of all references of all nodes, without answers and at most once: nodes whose engine is away do not
   * get it. The arguments are plain data, which is written once; nodes relay its bytes. Throws `JellyError` for other
   * values, and `EngineError` for more bytes than the engine sends.
   */
  broadcast<Name extends RemoteName<T>>(name: Name, ...args: RemoteArguments<T, Name>): void {
    const trees = (args as readonly unknown[]).map((argument) => new PlainTree(argument));
    const parts = trees.map((tree) => tree.bytesIn(pb));
    const head: Head = {
      method: name,
      args: trees.map((tree, index) => [parts[index]!.length, tree.levelsIn(pb)]),
    };
    this.#node.engine.send(this.#subject, concatenate([utf8.encode(`${JSON.stringify(head)}\n`), ...parts]));
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
      broadcast(this.#targets as unknown as Set<Reference>, method, ...trees);
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
