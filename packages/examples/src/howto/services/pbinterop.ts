// Methods for every basic type, to test other implementations. (examples/pbinterop.py)

import { Copyable, Referenceable, Root } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { listen } from "@pb/node-transport";
import { inspect, isDeepStrictEqual } from "node:util";
import type { Hello } from "./pbinteropclient.js";

class ValueError extends Error {
  static readonly remoteType = "builtins.ValueError";
}

class Copied extends Copyable {
  static readonly remoteType = "twisted.spread.flavors.Copyable";
  readonly x: unknown;

  constructor(x: unknown) {
    super();
    this.x = x;
  }
}

class Thing extends Referenceable {}

function expect(value: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(value, expected)) throw new ValueError(`${inspect(value)} != ${inspect(expected)}`);
}

export class Interop extends Root {
  readonly #thing = new Thing();

  remote_int(): number {
    return 1;
  }
  remote_string(): string {
    return "string";
  }
  remote_unicode(): string {
    return "string";
  }
  remote_float(): number {
    return 1.5;
  }
  remote_list(): number[] {
    return [1, 2, 3];
  }
  remote_recursive(): unknown[] {
    const list: unknown[] = [];
    list.push(list);
    return list;
  }
  remote_dict(): Map<number, number> {
    return new Map([[1, 2]]);
  }
  remote_reference(): Thing {
    return this.#thing;
  }
  async remote_local(object: RemoteReference<Hello>): Promise<void> {
    expect(await object.callRemote("hello"), "hello, world");
  }
  remote_receive(value: unknown): void {
    expect(value, [1, 1.5, "hi", "hi", new Map([[1, 2]])]);
  }
  remote_self(object: object | null): void {
    if (object !== this) throw new ValueError(`${inspect(object)} is not this`);
  }
  remote_copy(x: unknown): object {
    return new Copied(x);
  }
}

await listen(`tcp:${process.argv[2] ?? 8789}:interface=127.0.0.1`, new Interop());
