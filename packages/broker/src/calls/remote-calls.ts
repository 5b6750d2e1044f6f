// The methods of a remote object as functions: an object with a function for every name.

/** What a function of {@link remoteCalls} does. */
export type Invoke = (name: string, args: readonly unknown[]) => Promise<unknown>;

/**
 * Names that JavaScript, or a library that prints, compares or wraps objects, looks up on any object and calls. They
 * are no methods of `call`; `callRemote` calls methods with these names.
 */
export type ProtocolName = keyof typeof PROTOCOL_NAMES | ObjectMethod | `_${string}` | `@@${string}` | `$$${string}`;

type ObjectMethod =
  "toString" | "toLocaleString" | "valueOf" | "hasOwnProperty" | "isPrototypeOf" | "propertyIsEnumerable";

/** Apart from the names of `Object.prototype`, and those with a prefix such as `_isMockFunction` and `__v_isRef`. */
const PROTOCOL_NAMES = {
  /** Awaiting `call` by mistake does not call the peer. */
  then: true,
  toJSON: true,
  /** Drivers of databases. */
  toBSON: true,
  /** Test matchers, and the printer of their messages. */
  asymmetricMatch: true,
  hasAttribute: true,
  /** Without a class, no library takes it for an object of its own. */
  constructor: true,
} as const;

function isProtocolName(name: string): boolean {
  return Object.hasOwn(PROTOCOL_NAMES, name) || /^(?:_|@@|\$\$)/.test(name);
}

/**
 * What inspectors show. Libraries for state copy or wrap plain objects, and leave alone instances of a class that
 * cannot be extended or have a tag.
 */
class RemoteCalls {
  get [Symbol.toStringTag](): string {
    return RemoteCalls.name;
  }
}

const target: object = Object.freeze(new RemoteCalls());

/** An object with a function for every name but those of {@link ProtocolName}, each of which calls `invoke`. */
export function remoteCalls(invoke: Invoke): object {
  return new Proxy(target, {
    get(_target, name) {
      if (typeof name === "string" && isProtocolName(name)) return undefined;
      if (typeof name === "symbol" || name in target) return Reflect.get(target, name) as unknown;
      return (...args: unknown[]) => invoke(name, args);
    },
  });
}

/** What `as` of a reference takes: `contract` of `@pb/broker/schema` makes one. */
export interface ContractBinder<Caller> {
  /** Returns what calls the methods of the contract by `invoke`. */
  bindTo(invoke: Invoke): Caller;
}
