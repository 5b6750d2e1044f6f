// Dispatch: the only place where a name that the peer sent selects a function of this end.

import { classOf, printable } from "@pb/jelly-types";
import { ArgumentsError, NoSuchAttribute, NoSuchMethod } from "../errors.js";
import type { Kwargs } from "../wire/kwargs.js";
import type { IncomingCall } from "./callable.js";
import { acceptArguments, acceptResult, areSchemas, refuseOwnResult, schemasOf } from "./validation.js";
import type { Accepted, AcceptedMethods } from "./validation.js";

/** A method that a peer can call. */
type Method = (...args: unknown[]) => unknown;

/**
 * Declares the parameters of a class's remote methods, so that Python callers may mix positional and keyword arguments,
 * and so that a call whose arguments do not match is refused: `static parameters = { find: ["id", "name?"] }`. A `?`
 * marks an optional parameter; those after `"*"` are keyword-only. A method without a declaration takes any arguments,
 * and receives keyword arguments as one trailing `Kwargs`.
 */
export type Parameters = Readonly<Record<string, readonly string[]>>;

/**
 * Calls the method `prefix + call.method` of `target` and returns its result. `leading` arguments are passed before
 * those of the call. Throws what {@link findMethod} and {@link bindArguments} throw, and what the method throws. The
 * class may declare in `static accepts` what the arguments and the result are.
 */
export function dispatch(
  target: object,
  prefix: string,
  { method, args, kwargs, validate }: IncomingCall,
  leading?: readonly unknown[],
): unknown {
  const found = findMethod(target, prefix, method);
  const accepted = acceptedBy(target, prefix, method);
  if (accepted === undefined && validate === "required") throw notDeclared(prefix, method);
  const parameters = declaredParameters(target, method);
  let bound = bindArguments(method, parameters, args, kwargs);
  const schemas = accepted === undefined || accepted === true ? undefined : schemasOf(accepted);
  if (schemas !== undefined) bound = acceptArguments(method, schemas, bound, parameters);
  const result: unknown = Reflect.apply(found, target, leading === undefined ? bound : [...leading, ...bound]);
  if (schemas?.returns === undefined) return result;
  return acceptResult(method, schemas.returns, result, refuseOwnResult(method));
}

/**
 * Finds the method `prefix + name` of an object or of its classes, but not of `Object.prototype`. Data properties only:
 * a getter is not run. Throws {@link NoSuchMethod} or, for an object that is not a Referenceable, {@link
 * NoSuchAttribute}, as Twisted does (wire specification 5.4). The prefix is the whitelist: no other function can be
 * reached, whatever the name.
 */
function findMethod(target: object, prefix: string, name: string): Method {
  const found = lookUp(target, prefix, name);
  if (found !== undefined) return found;
  throw new (prefix === "remote_" ? NoSuchMethod : NoSuchAttribute)(`No such method: ${printable(prefix + name)}`);
}

/** Whether a peer can call a method of this name. */
export function hasMethod(target: object, prefix: string, name: string): boolean {
  return lookUp(target, prefix, name) !== undefined;
}

function lookUp(target: object, prefix: string, name: string): Method | undefined {
  const known = knownMethods.get(prefix)?.get(name);
  if (known !== undefined && isMethodOf(target, known)) return known.method;
  const key = known?.key ?? prefix + name;
  for (
    let holder: object | null = target;
    holder !== null && holder !== Object.prototype;
    holder = Object.getPrototypeOf(holder) as object | null
  ) {
    if (!Object.hasOwn(holder, key)) continue;
    const method: unknown = Object.getOwnPropertyDescriptor(holder, key)?.value;
    if (typeof method !== "function") break;
    if (known === undefined) remember(prefix, name, key, holder, method as Method);
    return method as Method;
  }
  return undefined;
}

/**
 * A method that was found, and the prototype of the class that had it. An object with a method of its own is not kept
 * alive.
 */
interface KnownMethod {
  readonly key: string;
  readonly holder: object | undefined;
  readonly method: Method | undefined;
}

/**
 * The first method that was found for each prefix and name. To find it again takes a third of the time, and a newly
 * joined key is slower to look up (benches `hundred` and `updates-1`).
 */
const knownMethods = new Map<string, Map<string, KnownMethod>>();

/** Enough for the methods of a program. A program that creates methods at run time must not fill the memory. */
const KNOWN_METHODS = 1000;

function remember(prefix: string, name: string, key: string, holder: object, method: Method): void {
  let known = knownMethods.get(prefix);
  if (known === undefined) knownMethods.set(prefix, (known = new Map<string, KnownMethod>()));
  if (known.size >= KNOWN_METHODS) return;
  const isOfClass = Object.hasOwn(holder, "constructor");
  known.set(name, isOfClass ? { key, holder, method } : { key, holder: undefined, method: undefined });
}

/**
 * Whether {@link lookUp} would find this method: the class of the target has it, and the target has no other one. Runs
 * a getter only if the program has put it in the place of this method, which was a data property when it was found.
 */
function isMethodOf(target: object, { key, holder, method }: KnownMethod): boolean {
  if (holder === undefined || Object.getPrototypeOf(target) !== holder || Object.hasOwn(target, key)) return false;
  return (holder as Record<string, unknown>)[key] === method;
}

/**
 * The arguments for a method: as it declares them, or as they were sent. Throws {@link ArgumentsError} when they do not
 * match the declaration.
 */
function bindArguments(
  name: string,
  declared: readonly string[] | undefined,
  args: unknown[],
  keywords: Kwargs | undefined,
): unknown[] {
  if (declared !== undefined) return bindDeclared(name, declared, args, keywords);
  return keywords === undefined ? args : [...args, keywords];
}

/**
 * The parameters of a method that one of its classes declares.
 *
 * Most classes have no declarations: one look at the class and its parents shows that. It needs a constant name, for
 * which V8 remembers the answer (7 % of the time of bench `updates-100`).
 */
function declaredParameters(target: object, name: string): readonly string[] | undefined {
  let type = classOf(target);
  if (!(typeof type === "function" && "parameters" in type)) return undefined;
  for (; typeof type === "function"; type = Object.getPrototypeOf(type)) {
    const declared = Object.getOwnPropertyDescriptor(type, "parameters")?.value as Parameters | undefined;
    if (declared !== undefined && Object.hasOwn(declared, name)) return declared[name];
  }
  return undefined;
}

/**
 * What a method accepts, if one of its classes says so: the nearest one decides. Throws `TypeError` for a declaration
 * that cannot be true.
 */
function acceptedBy(target: object, prefix: string, name: string): Accepted | undefined {
  let type = classOf(target);
  if (!(typeof type === "function" && "accepts" in type)) return undefined; // As in declaredParameters.
  for (; typeof type === "function"; type = Object.getPrototypeOf(type)) {
    if (!Object.hasOwn(type, "accepts")) continue;
    // Also what a getter returns: with a declaration that is overlooked, nothing would be checked.
    const { accepts } = type as { readonly accepts?: AcceptedMethods };
    if (accepts === undefined) continue;
    if (!checkedDeclarations.has(accepts)) {
      checkDeclaration(target, prefix, `${(type as { readonly name: string }).name}.accepts`, accepts);
      checkedDeclarations.add(accepts);
    }
    if (Object.hasOwn(accepts, name)) return accepts[name];
  }
  return undefined;
}

const checkedDeclarations = new WeakSet<AcceptedMethods>();

const PREFIXES = ["remote_", "perspective_", "view_", "observe_"];

function checkDeclaration(target: object, prefix: string, declaration: string, accepts: AcceptedMethods): void {
  for (const [name, accepted] of Object.entries(accepts)) {
    if (!PREFIXES.some((known) => hasMethod(target, known, name)))
      throw new TypeError(`${declaration} has ${name}, but there is no method ${prefix}${name}`);
    if (accepted === true) continue;
    if (!areSchemas(accepted))
      throw new TypeError(`${declaration}.${name} must be true, a list of schemas, or { args, kwargs, returns }`);
    if (schemasOf(accepted).kwargs !== undefined && declaredParameters(target, name) !== undefined)
      throw new TypeError(`${declaration}.${name}: with static parameters, keyword arguments belong into args`);
  }
}

function notDeclared(prefix: string, name: string): Error {
  const error = prefix === "remote_" ? NoSuchMethod : NoSuchAttribute;
  return new error(`No declared method: ${printable(prefix + name)}`);
}

function bindDeclared(
  name: string,
  declared: readonly string[],
  args: unknown[],
  keywords: Kwargs | undefined,
): unknown[] {
  const star = declared.indexOf("*");
  const parameters = declared.filter((parameter) => parameter !== "*");
  const positional = star < 0 ? parameters.length : star;
  if (args.length > positional) {
    throw new ArgumentsError(`${name}() takes ${positional} positional arguments but ${args.length} were given`);
  }
  const named = keywords as Readonly<Record<string, unknown>> | undefined;
  const isNamed = (key: string): boolean => named !== undefined && Object.hasOwn(named, key);
  const bound: unknown[] = parameters.map((parameter, index) => {
    const key = parameter.replace(/\?$/, "");
    if (index < args.length) {
      if (isNamed(key)) throw new ArgumentsError(`${name}() got two values for ${key}`);
      return args[index];
    }
    if (isNamed(key)) return named![key];
    if (parameter === key) throw new ArgumentsError(`${name}() misses the argument ${key}`);
    return undefined;
  });
  const known = parameters.map((parameter) => parameter.replace(/\?$/, ""));
  for (const key in named)
    if (!known.includes(key))
      throw new ArgumentsError(`${name}() got an unexpected keyword argument "${printable(key)}"`);
  return bound;
}
