// Objects of the program's own classes, by copy: a name and a state.

import { describe, JellyError } from "../../errors.js";
import type { Class, JellyReader, JellyWriter, TypeHandler } from "../../handler.js";

/** What a copy carries by default, and what a dict becomes: own properties, no prototype. */
export type PlainState = Record<string, unknown>;

/**
 * How instances of a class travel by copy. All hooks are synchronous; what they throw is not wrapped. `State` follows from `getState`; a
 * peer may send anything all the same: give `parse` to check it.
 */
export interface CopyOptions<T extends object, State = PlainState> {
  /** What to send. Default: the own enumerable properties. */
  readonly getState?: (instance: T) => State;
  /** Makes the state that arrived what `setState` and `create` expect, or throws. Default: takes the peer's word for it. */
  readonly parse?: (state: unknown) => State;
  /**
   * Puts the state into a blank instance, whose constructor has not run. Default: the entries become own properties, whatever
   * their names; no setter runs.
   */
  readonly setState?: (instance: T, state: NoInfer<State>) => void;
  /** Makes the instance of the state, instead of a blank one and `setState`. Such an instance cannot be part of its own state. */
  readonly create?: (state: NoInfer<State>) => T;
  /** Called when the whole graph is there, inner instances first (`postUnjelly` in Twisted). */
  readonly afterRead?: (instance: T) => void;
  /** Whether instances of subclasses are sent under this name too, and arrive as this class. Default false: that is an error. */
  readonly subclasses?: boolean;
}

/** The handler of a class that travels by copy under `name`. For a `TypeRegistry`, whose `registerCopy` is the short way. */
export function copyType<T extends object, State = PlainState>(
  name: string,
  type: Class<T>,
  options: CopyOptions<T, State> = {},
): TypeHandler<T> {
  requireName(name);
  const { getState, subclasses = false } = options;
  return {
    atoms: [name],
    classes: [type],
    subclasses,
    jelly(instance, jellier) {
      writeCopy(name, instance, getState, jellier);
    },
    unjelly(unjellier, items) {
      if (items !== 1) throw new JellyError("JELLY_MALFORMED", `A copy of ${name} has one state, not ${items}`);
      return options.create === undefined
        ? readBlank(type.prototype as T, options, unjellier)
        : readMade(options.create, options, unjellier);
    },
  };
}

function requireName(name: string): void {
  if (!/^[\x21-\x7e]+$/.test(name)) throw new TypeError(`A type name is ASCII without blanks: ${JSON.stringify(name)}`);
}

function writeCopy<T extends object>(
  name: string,
  instance: T,
  getState: ((instance: T) => unknown) | undefined,
  jellier: JellyWriter,
): void {
  jellier.writer.list(2);
  jellier.writer.word(name);
  if (getState === undefined) jellier.writeProperties(instance);
  else jellier.write(getState(instance));
}

function readBlank<T extends object, State>(
  prototype: T,
  { setState, parse, afterRead }: CopyOptions<T, State>,
  unjellier: JellyReader,
): unknown {
  const instance = Object.create(prototype) as T;
  unjellier.registerBlank(instance);
  unjellier.readState((received) => {
    const state = parse === undefined ? plainState(received) : parse(plainState(received));
    if (setState === undefined) setOwnProperties(instance, state);
    else setState(instance, state as State);
  });
  if (afterRead !== undefined) unjellier.afterwards(() => afterRead(instance));
  return instance;
}

function readMade<T extends object, State>(
  create: (state: State) => T,
  { parse, afterRead }: CopyOptions<T, State>,
  unjellier: JellyReader,
): unknown {
  return unjellier.readMade((received) => {
    const state = parse === undefined ? plainState(received) : parse(plainState(received));
    const instance = create(state as State);
    if (afterRead !== undefined) unjellier.afterwards(() => afterRead(instance));
    return instance;
  });
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * A state as hooks expect it: a dict is an object without prototype when its keys are text, or bytes, which Python 2 style peers send for
 * attribute names. Anything else is left as it is.
 */
export function plainState(state: unknown): unknown {
  if (!(state instanceof Map)) return state;
  const plain = Object.create(null) as PlainState;
  for (const [key, value] of state as Map<unknown, unknown>) {
    if (typeof key === "string") plain[key] = value;
    else if (key instanceof Uint8Array) plain[attributeName(key)] = value;
    else return state;
  }
  return plain;
}

function attributeName(key: Uint8Array): string {
  try {
    return utf8.decode(key);
  } catch (cause) {
    throw new JellyError("JELLY_BAD_UTF8", "The name of an attribute is not UTF-8", { cause });
  }
}

function isPlain(state: unknown): state is PlainState {
  if (typeof state !== "object" || state === null) return false;
  const prototype = Object.getPrototypeOf(state) as object | null;
  return prototype === null || prototype === Object.prototype;
}

/** Every entry as an own property: a `__proto__` is data, and a setter of the class is shadowed, not run. */
export function setOwnProperties(instance: object, state: unknown): void {
  if (state === null) return; // Python 3.11 sends None for an instance without attributes
  if (!isPlain(state))
    throw new JellyError("JELLY_MALFORMED", `The state of ${describe(instance)} is a dict, not ${describe(state)}`);
  for (const key of Object.keys(state)) {
    Object.defineProperty(instance, key, {
      value: state[key],
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
}
