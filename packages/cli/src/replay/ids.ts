// The numbers that the live peer chose, in place of those in the recording. The numbers of this end stay as recorded.

import type { Expression } from "@pb/banana";
import { latin1 } from "../conversation/redact.js";
import type { Message } from "../conversation/messages.js";

/** A pair of numbers of the peer: in the recording, and now. */
export class IdMap {
  readonly #ids = new Map<string, Expression>();
  readonly #taken = new Map<string, string>();

  /** Notes that both are the same object. Returns false if one of them is another one already. */
  join(recorded: Expression, live: Expression): boolean {
    const [before, now] = [String(recorded), String(live)];
    const known = this.#ids.get(before);
    if (known !== undefined) return String(known) === now;
    if (this.#taken.has(now)) return false;
    this.#ids.set(before, live);
    this.#taken.set(now, before);
    return true;
  }

  /** Forgets an object that was given back: its number may be used again. */
  delete(recorded: Expression): void {
    const live = this.#ids.get(String(recorded));
    this.#ids.delete(String(recorded));
    if (live !== undefined) this.#taken.delete(String(live));
  }

  /** The number now. Undefined if the peer has not sent the object. */
  get(recorded: Expression): Expression | undefined {
    return this.#ids.get(String(recorded));
  }
}

/** The objects and requests of the peer. */
export class PeerIds {
  readonly references: IdMap = new IdMap();
  readonly caches: IdMap = new IdMap();
  readonly requests: IdMap = new IdMap();

  /** A recorded message of this end with the numbers of the live peer. Undefined if it is about an unknown object. */
  translate(message: Message, tree: Expression[]): Expression | undefined {
    const [command, id, ...rest] = tree;
    switch (message.kind) {
      case "call": {
        const [target, method, wantsAnswer, ...values] = rest;
        const live = message.isCache || typeof message.target === "string" ? target : this.references.get(target!);
        return live === undefined
          ? undefined
          : [command!, id!, live, method!, wantsAnswer!, ...values.map((value) => this.#values(value))];
      }
      case "answer":
      case "error": {
        const request = this.requests.get(id!);
        this.requests.delete(id!);
        return request === undefined ? undefined : [command!, request, ...rest.map((value) => this.#values(value))];
      }
      case "decref":
      case "decache": {
        const live = (message.kind === "decref" ? this.references : this.caches).get(id!);
        return live === undefined ? undefined : [command!, live];
      }
      default:
        return tree;
    }
  }

  /** In values of this end, `local` and `lcache` are objects of the peer. */
  #values(value: Expression): Expression {
    if (!Array.isArray(value)) return value;
    const [tag, id] = value;
    const word = latin1(tag);
    if (value.length === 2 && word === "local") return [tag!, this.references.get(id!) ?? id!];
    if (value.length === 2 && word === "lcache") return [tag!, this.caches.get(id!) ?? id!];
    return value.map((item) => this.#values(item));
  }
}
