// Objects whose state hooks run code of the test while a message is written.

import {
  Avatar,
  Cacheable,
  Copyable,
  Referenceable,
  remoteCache,
  RemoteCache,
  remoteCopy,
  RemoteCopy,
  Root,
} from "@pb/broker";
import type { CacheObserver, Perspective } from "@pb/broker";
import { TypeRegistry } from "@pb/jelly-types";
import { connectedPair } from "@pb/broker/testing";

export class Thing extends Referenceable {
  released = 0;

  remote_ping(): string {
    return "pong";
  }

  override unreferenced(): void {
    this.released++;
  }
}

export class Live extends Cacheable {
  static readonly remoteType: string = "test.Live";
  observed = 0;
  stopped = 0;

  getStateToCacheAndObserveFor(_perspective: Perspective, _observer: CacheObserver): unknown {
    this.observed++;
    return { here: true };
  }

  override stoppedObserving(): void {
    this.stopped++;
  }
}

export class LiveCopy extends RemoteCache {}

/** Runs `act` when its state is written. */
export class Hook extends Copyable {
  static readonly remoteType: string = "test.Hook";
  constructor(readonly act: (perspective: Perspective) => unknown) {
    super();
  }
  override getStateToCopyFor(perspective: Perspective): unknown {
    return { state: this.act(perspective) };
  }
}

export class HookCopy extends RemoteCopy {
  declare state: unknown;
}

export class NamedAvatar extends Avatar {
  constructor(
    readonly name: string,
    readonly make: () => unknown,
  ) {
    super();
  }
  perspective_make(): unknown {
    return this.make();
  }
}

export class Maker extends Root {
  make: () => unknown = () => null;
  readonly received: unknown[] = [];

  remote_make(): unknown {
    return this.make();
  }
  async remote_makeLater(): Promise<unknown> {
    return this.make();
  }
  remote_take(...values: unknown[]): void {
    this.received.push(...values);
  }
  remote_login(name: string): NamedAvatar {
    return new NamedAvatar(name, () => this.make());
  }
}

export const types = new TypeRegistry()
  .register(remoteCache("test.Live", LiveCopy))
  .register(remoteCopy("test.Hook", HookCopy));

export async function open() {
  const maker = new Maker();
  const pair = await connectedPair({ root: maker, types }, { types });
  return { maker, pair, root: await pair.client.getRootObject() };
}
