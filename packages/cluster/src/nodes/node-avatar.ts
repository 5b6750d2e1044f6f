// What a node offers to the other nodes of its cluster, after they have logged in.

import { Avatar, Kwargs } from "@pb/broker";
import { tuple } from "@pb/jelly-types";
import type { Tuple } from "@pb/jelly-types";

/** Runs a call at the home of an object, and resolves with the revision of the state then, and with the result. */
export type CallHome = (
  name: string,
  epoch: number,
  method: string,
  args: unknown[],
  kwargs?: Kwargs,
) => Promise<[revision: number, result: unknown]>;

/**
 * The avatar of another node: let the realm of the portal to which nodes log in return it. It is no root object on
 * purpose, so that it cannot be served without a login: it can call everything.
 */
export class NodeAvatar extends Avatar {
  readonly #call: CallHome;

  /** @internal */
  constructor(call: CallHome) {
    super();
    this.#call = call;
  }

  /** @internal Called by other nodes. */
  async perspective_call(name: unknown, epoch: unknown, method: unknown, ...args: unknown[]): Promise<Tuple> {
    if (typeof name !== "string" || typeof epoch !== "number" || typeof method !== "string")
      throw new TypeError("A call between nodes needs the name of an object, an epoch and the name of a method");
    const kwargs = args.at(-1) instanceof Kwargs ? (args.pop() as Kwargs) : undefined;
    return tuple(...(await this.#call(name, epoch, method, args, kwargs)));
  }
}
