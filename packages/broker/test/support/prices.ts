// Results that contain promises, and errors of several classes.

import { Copyable, PBError, Root } from "@pb/broker";
import { FrozenSet, tuple } from "@pb/jelly-types";
import { connectedPair } from "@pb/broker/testing";

export const later = <T>(value: T): Promise<T> => new Promise((resolve) => setTimeout(() => resolve(value), 5));

export class Prices extends Root {
  remote_list(): unknown {
    return [1, later(2), { three: later(later(3)) }];
  }
  remote_tuple(): unknown {
    return tuple(later("a"), new Map<unknown, unknown>([[1, later([later("b")])]]));
  }
  remote_shared(): unknown {
    const shared = [later("same")];
    return [shared, shared, later(shared)];
  }
  remote_cycle(): unknown {
    const cycle: unknown[] = [later(1)];
    cycle.push(cycle);
    return cycle;
  }
  remote_broken(): unknown {
    return [later(1), Promise.reject(new PBError("the second price is unknown")), Promise.reject(new Error("third"))];
  }
  remote_set(): unknown {
    return [new Set([later(1)]), new FrozenSet([later(2)])];
  }
  remote_beside(value: unknown): unknown {
    return [later(1), value];
  }
  remote_hidden(): unknown {
    return new Hidden();
  }
  remote_take(_value: unknown): void {}
  remote_fail(kind: string): never {
    throw kind === "out" ? new SoldOut("no apples") : new OtherError("other");
  }
}

/** A copy whose state contains a promise. */
export class Hidden extends Copyable {
  static readonly remoteType: string = "shop.Hidden";
  readonly price = later(1);
}

export class SoldOut extends PBError {
  static override readonly remoteType: string = "shop.SoldOut";
}

export class OtherError extends PBError {
  static override readonly remoteType: string = "shop.OtherError";
}

/** The client's class for `SoldOut`. */
export class LocalSoldOut extends Error {}

export async function open() {
  const { client, server } = await connectedPair(
    { root: new Prices() },
    { errorClasses: { "shop.SoldOut": LocalSoldOut } },
  );
  const root = await client.getRootObject<Prices>();
  return { root, client, server };
}
