// The only place where a peer's word becomes a function of ours.

import { ArgumentsError, NoSuchAttribute, NoSuchMethod } from "../errors.js";
import type { Kwargs } from "../wire/kwargs.js";

/** A method by the name a peer gave. */
export type Method = (...args: unknown[]) => unknown;

/**
 * Declares the parameters of a class's remote methods, so that Python callers may mix positional and keyword arguments, and so that a call
 * that does not fit is refused: `static parameters = { find: ["id", "name?"] }`. A `?` marks what may be left out; what stands behind `"*"`
 * is given by keyword only. A method without a declaration takes what comes, keyword arguments as one trailing `Kwargs`.
 */
export type Parameters = Readonly<Record<string, readonly string[]>>;

/**
 * Finds `prefix + name` on an object or its classes, not on what every object inherits. Only methods and data properties: a getter is not
 * run. Throws {@link NoSuchMethod} or, for what is not a Referenceable, {@link NoSuchAttribute}, as Twisted does (wire specification 5.4).
 * The prefix is the whitelist; no other function can be reached, whatever the name.
 */
export function findMethod(target: object, prefix: string, name: string): Method {
  const known = keys.get(prefix)?.get(name);
  const key = known ?? prefix + name;
  for (
    let holder: object | null = target;
    holder !== null && holder !== Object.prototype;
    holder = Object.getPrototypeOf(holder) as object | null
  ) {
    if (!Object.hasOwn(holder, key)) continue;
    const method: unknown = Object.getOwnPropertyDescriptor(holder, key)?.value;
    if (typeof method !== "function") break;
    if (known === undefined) rememberKey(prefix, name, key);
    return method as Method;
  }
  throw new (prefix === "remote_" ? NoSuchMethod : NoSuchAttribute)(`No such method: ${key}`);
}

/** Keys of methods that were found: a string joined anew for each call is looked up more slowly (bench `hundred`). */
const keys = new Map<string, Map<string, string>>();
/** Methods are few; only a program that makes them up has more. */
const REMEMBERED_KEYS = 1000;

function rememberKey(prefix: string, name: string, key: string): void {
  let known = keys.get(prefix);
  if (known === undefined) keys.set(prefix, (known = new Map<string, string>()));
  if (known.size < REMEMBERED_KEYS) known.set(name, key);
}

/** The arguments to call a method with: as it declares them, or as they came. Throws {@link ArgumentsError} when they do not fit. */
export function bindArguments(target: object, name: string, args: unknown[], keywords: Kwargs | undefined): unknown[] {
  const declared = declaredParameters(target, name);
  if (declared !== undefined) return bindDeclared(name, declared, args, keywords);
  return keywords === undefined ? args : [...args, keywords];
}

function declaredParameters(target: object, name: string): readonly string[] | undefined {
  let type: unknown = target.constructor;
  for (; typeof type === "function"; type = Object.getPrototypeOf(type)) {
    if (!Object.hasOwn(type, "parameters")) continue;
    const declared = Object.getOwnPropertyDescriptor(type, "parameters")?.value as Parameters | undefined;
    if (declared !== undefined && Object.hasOwn(declared, name)) return declared[name];
  }
  return undefined;
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
  const unused = new Map<string, unknown>(keywords === undefined ? [] : Object.entries(keywords));
  const bound: unknown[] = parameters.map((parameter, index) => {
    const key = parameter.replace(/\?$/, "");
    if (index < args.length) {
      if (unused.has(key)) throw new ArgumentsError(`${name}() got two values for ${key}`);
      return args[index];
    }
    if (unused.has(key)) {
      const value = unused.get(key);
      unused.delete(key);
      return value;
    }
    if (parameter === key) throw new ArgumentsError(`${name}() misses the argument ${key}`);
    return undefined;
  });
  for (const key of unused.keys())
    throw new ArgumentsError(`${name}() got an unexpected keyword argument ${JSON.stringify(key)}`);
  return bound;
}
