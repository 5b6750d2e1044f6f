// What a node offers to the other nodes of its cluster, after they have logged in.

import { Avatar, Kwargs } from "@pb/broker";
import type { Referenceable } from "@pb/broker";
import type { IncomingCall } from "@pb/broker/extension";
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

/** Finds a live object of the node by its name, and its methods if it is home. */
export type FindMethods = (name: string) => { readonly methods: Referenceable | undefined } | undefined;

/** The name under which the home of an object is called: what hooks show of the call, at both ends. */
export function callName(object: string, method: string): string {
  return `${object}/${method}`;
}

/**
 * The avatar of another node: let the realm of the portal to which nodes log in return it. It is no root object on
 * purpose, so that it cannot be served without a login: it can call everything.
 */
export class NodeAvatar extends Avatar {
  readonly #call: CallHome;
  readonly #find: FindMethods;

  /** @internal `find` finds what a call is for. */
  constructor(call: CallHome, find: FindMethods) {
    super();
    this.#call = call;
    this.#find = find;
  }

  /** @internal Hooks see the object and the method in the name of a call. */
  override passedOn(called: string): ReturnType<NonNullable<Avatar["passedOn"]>> {
    const slash = called.lastIndexOf("/");
    const name = called.slice(0, slash);
    const found = slash < 0 ? undefined : this.#find(name);
    return found && { name, object: found.methods, method: called.slice(slash + 1) };
  }

  /** @internal All calls are one method. */
  override receiveCall(call: IncomingCall): unknown {
    return super.receiveCall({ ...call, method: "call" });
  }

  /** @internal Called by other nodes. */
  async perspective_call(name: unknown, epoch: unknown, method: unknown, ...args: unknown[]): Promise<Tuple> {
    if (typeof name !== "string" || typeof epoch !== "number" || typeof method !== "string")
      throw new TypeError("A call between nodes needs the name of an object, an epoch and the name of a method");
    const kwargs = args.at(-1) instanceof Kwargs ? (args.pop() as Kwargs) : undefined;
    return tuple(...(await this.#call(name, epoch, method, args, kwargs)));
  }
}
