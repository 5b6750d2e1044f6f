// Instances of application classes that are sent by copy: a name and a state.

import { describe, JellyError, printable } from "../../errors.js";
import type { Class, JellyReader, JellyWriter, ReadingHandler, WritingHandler } from "../../handler.js";
import { checkOptions } from "../../options.js";
import type { OptionKinds } from "../../options.js";
import { requireTypeName } from "../../type-name.js";
import { takeStateTable } from "../../reading/dict-builder.js";
import { classBytes, fieldBytes, hashedBytes, Heap } from "../../reading/heap.js";
import { addInstance, MOST_FIELDS } from "../../reading/shapes.js";
import { isIndex, makeSparse } from "../../reading/sparse.js";

/** The default state of a copy: an object with own properties and without a prototype. */
export type PlainState = Record<string, unknown>;

/**
 * How instances of a class are sent and received by copy. All hooks are synchronous, and errors that they throw are
 * passed on unchanged. `State` is inferred from `getState`. A peer may send any other state: use `parse` to check it.
 */
export interface CopyOptions<T extends object, State = PlainState> {
  /** Further names under which peers send the class, such as `__main__.Invoice`. It is sent under its first name. */
  readonly aliases?: readonly string[];
  /** Returns the state to send. Default: the own enumerable properties. */
  readonly getState?: (instance: T) => State;
  /**
   * Checks a received state and converts it to the form that `setState` and `create` expect, or throws. Default: no
   * check.
   */
  readonly parse?: (state: unknown) => State;
  /**
   * Applies the state to an instance whose constructor has not run. Default: {@link setOwnProperties}.
   */
  readonly setState?: (instance: T, state: NoInfer<State>) => void;
  /** Creates the instance from the state; `setState` is not called then. The state cannot contain the instance. */
  readonly create?: (state: NoInfer<State>) => T;
  /** Called when the whole graph is read, for inner instances first (`postUnjelly` in Twisted). */
  readonly afterRead?: (instance: T) => void;
  /**
   * Whether instances of subclasses are sent under the same name, and received as this class. Default false: sending
   * one throws.
   */
  readonly subclasses?: boolean;
}

const optionKinds: OptionKinds<CopyOptions<object>> = {
  aliases: "list",
  getState: "function",
  parse: "function",
  setState: "function",
  create: "function",
  afterRead: "function",
  subclasses: "boolean",
};

/**
 * Creates the handler of a class that is sent by copy under `name`, for `TypeRegistry.register`.
 * `TypeRegistry.registerCopy` does both. Throws `TypeError` for a name that is not printable ASCII without spaces, or
 * a word of Jelly such as `list`, for a class with private members that has no `create`, and for a class that extends
 * one of JavaScript, such as `Map`, and has neither `getState` nor `create`.
 */
export function copyType<T extends object, State = PlainState>(
  name: string,
  type: Class<T>,
  options: CopyOptions<T, State> = {},
): ReadingHandler<T> & WritingHandler<T> {
  checkOptions<CopyOptions<T, State>>(options, optionKinds);
  const { aliases = [], getState, subclasses = false } = options;
  for (const any of [name, ...aliases]) requireTypeName(any);
  if (typeof type !== "function") throw new TypeError(`The class of ${name} must be a class, not ${describe(type)}`);
  if (getState === undefined && options.create === undefined) requireProperties(type);
  const hasPrivate = options.create === undefined && hasPrivateMembers(type);
  if (hasPrivate && getState === undefined) throw new TypeError(`${privateAdvice(type)}, and to send them, getState`);
  return {
    atoms: [...new Set([name, ...aliases])],
    classes: [type],
    subclasses,
    jelly(instance, jellier) {
      writeCopy(name, instance, getState, jellier);
    },
    unjelly(unjellier, items) {
      requireOneState(name, items);
      if (hasPrivate) throw new JellyError("JELLY_NOT_ALLOWED", privateAdvice(type));
      if (options.create !== undefined) return unjellier.readMade(maker(options.create, options, unjellier), true);
      const instance = newBlank(type.prototype as T, unjellier);
      unjellier.readState((state) => applyState(name, instance, state, options, unjellier), true);
      watchRead(instance, options, unjellier);
      return instance;
    },
    *unjellyInSteps(unjellier, items) {
      requireOneState(name, items);
      if (hasPrivate) throw new JellyError("JELLY_NOT_ALLOWED", privateAdvice(type));
      if (options.create !== undefined)
        return yield* unjellier.readMadeInSteps(maker(options.create, options, unjellier), true);
      const instance = newBlank(type.prototype as T, unjellier);
      yield* unjellier.readStateInSteps((state) => {
        applyState(name, instance, state, options, unjellier);
        return undefined;
      }, true);
      watchRead(instance, options, unjellier);
      return instance;
    },
  };
}

/**
 * Whether methods of the class use private members (`#name`). Only a constructor can create them, and that of a copy
 * does not run. Judged by the source of the class, because an engine does not tell.
 */
export function hasPrivateMembers(type: Class): boolean {
  for (let next: unknown = type; typeof next === "function"; next = Object.getPrototypeOf(next))
    if (/\bthis\s*\.\s*#[A-Za-z_$]/.test(Function.prototype.toString.call(next))) return true;
  return false;
}

/** Classes of JavaScript whose instances do not keep their state in properties. */
const WITHOUT_PROPERTIES: ReadonlySet<unknown> = new Set<unknown>([
  ...[Array, ArrayBuffer, Boolean, DataView, Date, Map, Number, Promise, RegExp, Set, String, WeakMap, WeakSet],
  Object.getPrototypeOf(Uint8Array), // the base class of all typed arrays
]);

/** Throws `TypeError` for a class that extends one of them without hooks: its copies would lose their state. */
function requireProperties(type: Class): void {
  for (let next: unknown = type; typeof next === "function"; next = Object.getPrototypeOf(next)) {
    if (!WITHOUT_PROPERTIES.has(next)) continue;
    const text = `Copies of ${type.name} would lose their state, which ${next.name} does not keep in properties`;
    throw new TypeError(`${text}: give registerCopy the options getState and create`);
  }
}

function privateAdvice({ name }: Class): string {
  return `${name} has private members (#), which a copy does not have, because its constructor does not run: give registerCopy the option create`;
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
  else jellier.write(requireState("getState", instance, getState(instance)));
}

/**
 * Returns the state that a hook returned. Throws {@link JellyError} for a promise: the state is written at once, so
 * that it is true at the moment of the call.
 */
export function requireState(hook: string, instance: object, state: unknown): unknown {
  if (!(state instanceof Promise)) return state;
  state.catch(() => undefined);
  throw new JellyError(
    "JELLY_NOT_JELLYABLE",
    `${hook} of ${describe(instance)} returned a promise. It has to return the state: load what it needs before the object is sent`,
  );
}

function requireOneState(name: string, items: number): void {
  if (items === 1) return;
  // A cacheable has an id before its state.
  const hint = items === 2 ? ". If the peer sends a Cacheable, register a remoteCache under the name" : "";
  throw new JellyError("JELLY_MALFORMED", `A copy of ${name} needs exactly one state, not ${items}${hint}`);
}

function newBlank<T extends object>(prototype: T, unjellier: JellyReader): T {
  const instance = Object.create(prototype) as T;
  unjellier.registerBlank(instance);
  return instance;
}

function applyState<T extends object, State>(
  name: string,
  instance: T,
  received: unknown,
  { setState, parse }: CopyOptions<T, State>,
  unjellier: JellyReader,
): void {
  const isTable = takeStateTable(received);
  const state = parse === undefined ? plainState(received) : atOnce("parse", parse(plainState(received)));
  if (setState === undefined) {
    setOwnProperties(instance, state);
    // A `Map` was charged in another way, and what `parse` returns was not charged.
    chargeProperties(
      instance,
      state as PlainState | null,
      state === received ? stateBytes(state, isTable) : 0,
      unjellier,
    );
  } else atOnce("setState", (setState as Hook)(instance, state));
  unjellier.reportDropped(name, instance);
}

/**
 * The bytes of a state: those that were charged for a dict with known keys, or for a hash table. 0 for a state that is
 * no plain object, whose contents an instance does not get as properties.
 */
export function stateBytes(state: unknown, isTable = false): number {
  if (typeof state !== "object" || state === null || !isPlain(state)) return 0;
  const { length, 0: first = "" } = Object.keys(state);
  return isTable || length > MOST_FIELDS || isIndex(first) ? hashedBytes(length) : fieldBytes(length);
}

/**
 * Charges the instance in place of its state, of which `charged` bytes are free again. Array indices, which come first
 * among the keys, are in a hash table in both of them.
 */
function chargeProperties(instance: object, state: PlainState | null, charged: number, unjellier: JellyReader): void {
  if (state === null) return;
  const keys = Object.keys(state);
  const { length, 0: first = "" } = keys;
  if (isIndex(first)) {
    unjellier.charge(stateBytes(state) - charged - Heap.INSTANCE);
    return;
  }
  const added = addInstance(Object.getPrototypeOf(instance) as object, keys);
  // The classes of a state that is no hash table were charged with it.
  const classes = charged === fieldBytes(length) ? Heap.INSTANCE_ENTRY * added : classBytes(added, length);
  unjellier.charge(fieldBytes(length) + classes - charged - Heap.INSTANCE);
}

function watchRead<T extends object, State>(
  instance: T,
  { afterRead }: CopyOptions<T, State>,
  unjellier: JellyReader,
): void {
  if (afterRead !== undefined) unjellier.afterwards(() => atOnce("afterRead", (afterRead as Hook)(instance)));
}

/** Returns a function that creates an instance from a received state. */
function maker<T extends object, State>(
  create: (state: State) => T,
  options: CopyOptions<T, State>,
  unjellier: JellyReader,
): (received: unknown) => T {
  const { parse } = options;
  return (received) => {
    takeStateTable(received);
    const state = parse === undefined ? plainState(received) : atOnce("parse", parse(plainState(received)));
    const instance = atOnce("create", create(state as State));
    watchRead(instance, options, unjellier);
    return instance;
  };
}

/** A hook without a result, as it is called: it may return a promise nevertheless. */
type Hook = (...args: unknown[]) => unknown;

/**
 * The result of a hook. Throws `TypeError` for a promise: the value would be used before the hook has finished, and a
 * peer could end the process with a state for which the promise rejects.
 */
function atOnce<Result>(hook: string, result: Result): Result {
  if (!(result instanceof Promise)) return result;
  result.catch(() => undefined);
  throw new TypeError(`The hook ${hook} of a copy returned a promise: it must be synchronous`);
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Converts a received state for hooks: a `Map` whose keys are text or bytes becomes an object without a prototype. Old
 * peers, in the style of Python 2, send attribute names as bytes. Returns any other state unchanged.
 */
export function plainState(state: unknown): unknown {
  if (!(state instanceof Map)) return state;
  const plain = Object.create(null) as PlainState;
  let isSparse = false;
  for (const [key, value] of state as Map<unknown, unknown>) {
    if (typeof key !== "string" && !(key instanceof Uint8Array)) return state;
    const name = typeof key === "string" ? key : attributeName(key);
    if (isIndex(name)) isSparse ||= makeSparse(plain);
    plain[name] = value;
  }
  return plain;
}

function attributeName(key: Uint8Array): string {
  try {
    return utf8.decode(key);
  } catch (cause) {
    throw new JellyError("JELLY_BAD_UTF8", "An attribute name is not UTF-8", { cause });
  }
}

function isPlain(state: unknown): state is PlainState {
  if (typeof state !== "object" || state === null) return false;
  const prototype = Object.getPrototypeOf(state) as object | null;
  return prototype === null || prototype === Object.prototype;
}

/** The names that {@link setOwnProperties} has dropped, until {@link takeDropped} returns them. */
const droppedNames = new WeakMap<object, string[]>();

/**
 * Defines every entry as an own property, except an entry with the name of a method or an accessor of the class, such
 * as `toString`, `constructor` or a getter: it is dropped, because it would replace the method for the rest of the
 * program. (A Twisted peer sends the whole `__dict__` of an object.) A setter of the class is not called.
 *
 * An error is made fit for printing: the controls in its `message` and `name` are escaped, as in a `RemoteError`, and a
 * `stack` is dropped, which a terminal would show as it is.
 */
export function setOwnProperties(instance: object, state: unknown): void {
  if (state === null) return; // Python 3.11 sends None for an instance without attributes.
  if (!isPlain(state))
    throw new JellyError(
      "JELLY_MALFORMED",
      `The state of ${describe(instance)} must be a dict, not ${describe(state)}`,
    );
  const isError = instance instanceof Error;
  let isSparse = false;
  for (const key of Object.keys(state)) {
    if (isMember(instance, key) || (isError && isUnprintable(key, state[key]))) {
      noteDropped(instance, key);
      continue;
    }
    if (isIndex(key)) isSparse ||= makeSparse(instance);
    Object.defineProperty(instance, key, {
      value: isError ? printablePart(key, state[key]) : state[key],
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
}

/** The longest text of an error, in UTF-16 code units: as in a `RemoteError`. */
const LONGEST_TEXT = 1_000;

/** The value of one property of an error. */
function printablePart(key: string, value: unknown): unknown {
  const isPrinted = typeof value === "string" && (key === "message" || key === "name");
  return isPrinted ? printable(value, LONGEST_TEXT) : value;
}

/**
 * Whether a property would make it impossible or dangerous to print an error: its stack, and a message or a name whose
 * text is not known, such as a list of texts with controls, or a dict, which has no text.
 */
function isUnprintable(key: string, value: unknown): boolean {
  if (key === "stack") return true;
  const isObject = typeof value === "object" && value !== null && !(value instanceof Uint8Array);
  return isObject && (key === "message" || key === "name");
}

/** Whether an instance has a method or an accessor of this name: of its class, or a field that holds a function. */
function isMember(instance: object, name: string): boolean {
  if (!(name in instance)) return false;
  for (let holder: object | null = instance; holder !== null; holder = Object.getPrototypeOf(holder) as object | null) {
    const found = Object.getOwnPropertyDescriptor(holder, name);
    if (found !== undefined) return !("value" in found) || typeof found.value === "function";
  }
  return false;
}

function noteDropped(instance: object, name: string): void {
  const names = droppedNames.get(instance);
  if (names === undefined) droppedNames.set(instance, [name]);
  else names.push(name);
}

/** The names that {@link setOwnProperties} has dropped for an instance since the last call. */
export function takeDropped(instance: object): readonly string[] {
  const names = droppedNames.get(instance) ?? [];
  droppedNames.delete(instance);
  return names;
}
