// Notices another running node with the name of this one.

import type { Home } from "../log/record.js";
import { ClusterError } from "../errors.js";
import type { Node } from "./node.js";

/** What nodes of one name tell each other. */
interface Hello {
  /** The start of the node. */
  readonly run: string;
  readonly isAnswer: boolean;
}

/** More than a name has in practice. */
const MOST_KNOWN = 100;

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder();

/**
 * Asks whether there is another node with the name of this one, and reports each that answers, once. It does not look
 * at leases: the lease of a node that was killed has a holder until it expires, which answers nothing.
 */
export class SameName {
  readonly #node: Node;
  readonly #subject: string;
  /** The nodes that were reported, by their start. */
  readonly #known = new Set<string>();

  constructor(node: Node) {
    const { engine, signal } = node;
    this.#node = node;
    this.#subject = `name.${node.keyOf(node.name)}`;
    const unsubscribe = [
      engine.listen(this.#subject, (bytes) => {
        try {
          this.#heard(bytes);
        } catch (error) {
          node.report(error); // Not of a node of this version.
        }
      }),
      engine.onState((state) => {
        if (state === "connected") this.ask();
      }),
    ];
    const end = (): void => {
      for (const stop of unsubscribe) stop();
    };
    signal.addEventListener("abort", end, { once: true });
    this.ask();
  }

  /** Asks again: this node was away, or another one has the lease of its name. */
  ask(): void {
    this.#send(false);
  }

  #send(isAnswer: boolean): void {
    const hello: Hello = { run: this.#node.identity.run, isAnswer };
    if (this.#node.engine.state === "connected")
      this.#node.engine.send(this.#subject, utf8.encode(JSON.stringify(hello)));
  }

  #heard(bytes: Uint8Array): void {
    const { run, isAnswer } = JSON.parse(fromUtf8.decode(bytes)) as Hello;
    if (run === this.#node.identity.run) return;
    if (!isAnswer) this.#send(true);
    if (this.#known.has(run)) return;
    if (this.#known.size === MOST_KNOWN) this.#known.clear();
    this.#known.add(run);
    const text = `Another running node has the name ${this.#node.name}: give each node a name of its own`;
    this.#node.report(new ClusterError("CLUSTER_NAME_TAKEN", text));
  }
}

/** What the lease of a node says of it. */
export function holderOf({ run, address }: Home): string {
  return `${run} ${address ?? ""}`;
}

/** Reads {@link holderOf}. */
export function readHolder(holder: string): { readonly run: string; readonly address: string } {
  const [run = "", ...address] = holder.split(" ");
  return { run, address: address.join(" ") };
}
