// The parts of the contract that both halves share (peers/CONTRACT.md): classes with their remote types, and values.

import { Cacheable, Copyable, PBError, RemoteCache, remoteCache, RemoteCopy, remoteCopy } from "@pb/broker";
import type { BrokerOptions, CacheObserver, Perspective } from "@pb/broker";
import {
  CalendarDate,
  DateTime,
  Decimal,
  Float,
  FrozenSet,
  TimeDelta,
  TimeOfDay,
  tuple,
  TypeRegistry,
} from "@pb/jelly-types";
import type { CopyOptions } from "@pb/jelly-types";

export type Variant = "root" | "portal";
export type Dialect = "pb" | "none";

/** An error that a method raises deliberately. */
export class ContractError extends PBError {
  static override readonly remoteType: string = "contract.ContractError";
}

/** Python's ValueError. */
export class ValueError extends Error {
  static readonly isExpected: boolean = true;
  static readonly remoteType: string = "builtins.ValueError";
}

/** Errors that are sent as themselves, not as a failure (section 2.1). */
export class JellyableError extends Error {
  static readonly isExpected: boolean = true;
  code = 7;
}
export class CopyableError extends Error {
  static readonly isExpected: boolean = true;
  code = 7;
}

export class Point extends Copyable {
  static readonly remoteType: string = "contract.Point";

  constructor(
    readonly x: number,
    readonly y: number,
    readonly label: string,
  ) {
    super();
  }
}

/** A point whose state contains the name of the user who requests it. */
export class PerspectivePoint extends Copyable {
  static readonly remoteType: string = "contract.Point";

  override getStateToCopyFor(perspective: Perspective): unknown {
    const { name } = perspective as { readonly name: Uint8Array };
    return { x: 1, y: 2, label: "for", for: name };
  }
}

export class PointCopy extends RemoteCopy {
  declare readonly x: number;
  declare readonly y: number;
  declare readonly label: string;
  declare readonly for?: Uint8Array;
}

/** The receiver has no class for this remote type. */
export class Unregistered extends Copyable {
  static readonly remoteType: string = "contract.NotRegistered";
}

export class Counter extends Cacheable {
  static readonly remoteType: string = "contract.Counter";
  readonly observers = new Set<CacheObserver>();
  stopped = 0;

  constructor(
    public value: number,
    readonly name: string,
  ) {
    super();
  }

  getStateToCacheAndObserveFor(_perspective: Perspective, observer: CacheObserver): unknown {
    this.observers.add(observer);
    return { value: this.value, name: this.name };
  }

  override stoppedObserving(_perspective: Perspective, observer: CacheObserver): void {
    this.stopped++;
    this.observers.delete(observer);
  }

  /** Stores a value and resolves with the answers of the observers. */
  set(value: number): Promise<unknown[]> {
    this.value = value;
    return Promise.all([...this.observers].map((observer) => observer.callRemote("setValue", value)));
  }
}

export class CounterCache extends RemoteCache {
  declare value: number;
  declare readonly name: string;
  declare updates: number;

  override setCopyableState(state: unknown): void {
    super.setCopyableState(state);
    this.updates = 0;
  }

  observe_setValue(value: number): number {
    this.value = value;
    this.updates++;
    return value * 2;
  }
}

type ErrorState = Pick<JellyableError, "code" | "message">;

function errorCopy<T extends JellyableError>(type: new (message: string) => T): CopyOptions<T, ErrorState> {
  return {
    getState: ({ code, message }) => ({ code, message }),
    create({ code, message }) {
      const error = new type(message);
      error.code = code;
      return error;
    },
  };
}

export const types: TypeRegistry = new TypeRegistry()
  .register(remoteCopy("contract.Point", PointCopy))
  .register(remoteCache("contract.Counter", CounterCache))
  .registerCopy("contract.JellyError", JellyableError, errorCopy(JellyableError))
  .registerCopy("contract.CopyError", CopyableError, errorCopy(CopyableError));

/** With exact floats, an echo returns the same type: 1.0 does not become 1. */
export const brokerOptions: BrokerOptions = { types, exactness: { floats: "exact" }, errorCopies: true };

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The value that `graph` returns. */
export function graph(): unknown {
  const shared = ["shared"];
  const [cycle, list]: [unknown[], unknown[]] = [[], []];
  cycle.push(cycle);
  list.push(tuple(list, 1));
  const dict: Record<string, unknown> = {};
  dict.me = dict;
  return { shared: [shared, shared], cycle, tuple_cycle: list[0], dict_cycle: dict };
}

/** Section 4 of the contract. */
export const values: Readonly<Record<string, unknown>> = {
  none: null,
  true: true,
  false: false,
  int_zero: 0,
  int_one: 1,
  int_minus_one: -1,
  int_127: 127,
  int_128: 128,
  int_max31: 2 ** 31 - 1,
  int_2_31: 2 ** 31,
  int_min31: -(2 ** 31),
  int_below_min31: -(2 ** 31) - 1,
  int_2_53_plus_1: 2n ** 53n + 1n,
  int_2_64: 2n ** 64n,
  int_huge: 2n ** 448n - 1n,
  int_huge_negative: -(2n ** 448n) + 1n,
  float: 1.5,
  float_integral: new Float(1),
  float_minus_zero: -0,
  float_inf: Infinity,
  float_minus_inf: -Infinity,
  float_nan: NaN,
  float_tiny: 5e-324,
  bytes: Uint8Array.from([...bytes("bytes "), 0x00, 0xff]),
  bytes_empty: new Uint8Array(0),
  bytes_vocab: bytes("list"),
  str: "text",
  str_empty: "",
  str_unicode: "h\u00e9 \u20ac \u{1f600}",
  str_vocab: "None",
  list: [1, [2, []], "x"],
  list_empty: [],
  tuple: tuple(1, tuple(2), "x"),
  tuple_empty: tuple(),
  dict: new Map<unknown, unknown>([
    ["a", 1],
    [bytes("b"), 2],
    [3, "three"],
    [tuple(4, 5), [6]],
    [null, null],
    [true, false],
  ]),
  dict_empty: {},
  set: new Set<unknown>([1, "two", bytes("three"), tuple(4)]),
  set_empty: new Set(),
  frozenset: new FrozenSet([1, 2]),
  datetime: new DateTime(2020, 7, 11, 1, 16, 5, 344),
  date: new CalendarDate(2020, 7, 11),
  time: new TimeOfDay(1, 16, 5, 344),
  timedelta: new TimeDelta(-3, 4, 5),
  decimal: Decimal.parse("-78.901"),
  decimal_exp: Decimal.parse("1E+3"),
  decimal_scale: Decimal.parse("1.10"),
};
