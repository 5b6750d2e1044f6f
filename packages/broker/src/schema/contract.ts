// Contracts: what the methods of a remote object take and return, where its class is not known or not trusted.

import { describe, printable } from "@pb/jelly-types";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { remoteCalls } from "../calls/remote-calls.js";
import type { ContractBinder, Invoke } from "../calls/remote-calls.js";
import { acceptResult, areSchemas, schemasOf } from "../calls/validation.js";
import type { Accepted, MethodSchemas } from "../calls/validation.js";
import { ResultError } from "../errors.js";
import type { KwargsOf } from "../wire/kwargs.js";

/** The methods of a contract by name: the form of `static accepts`, without `true`. */
export type ContractMethods = Readonly<Record<string, Exclude<Accepted, true>>>;

/** What {@link contract} returns. */
export interface Contract<Methods extends ContractMethods> extends ContractBinder<CheckedCaller<Methods>> {
  readonly methods: Methods;
}

/** Calls the methods of a contract. The types of arguments and results are those of its schemas. */
export interface CheckedCaller<Methods extends ContractMethods> {
  /** The methods as functions: `caller.call.find("x")`. */
  readonly call: {
    readonly [Name in keyof Methods]: (...args: ArgumentsTo<Methods[Name]>) => Promise<ResultOf<Methods[Name]>>;
  };
  /**
   * Calls a method. Rejects as `callRemote` of a reference does; with {@link ResultError} when a schema refuses the
   * result; and with `TypeError` for a method that is not in the contract, and when a schema fails.
   */
  callRemote<Name extends keyof Methods & string>(
    name: Name,
    ...args: ArgumentsTo<Methods[Name]>
  ): Promise<ResultOf<Methods[Name]>>;
}

/**
 * Describes a remote object, such as one of a Python server, by Standard Schemas: `root.as(contract({ find: { args:
 * [z.string()], returns: z.array(z.string()) } }))`. Results are checked when they arrive, and a call resolves with
 * what the schema of its method returns, which may be asynchronous. Arguments have the types of their schemas; the
 * callee checks them. Throws `TypeError` for a method without schemas.
 */
export function contract<const Methods extends ContractMethods>(methods: Methods): Contract<Methods> {
  const isRecord = typeof methods === "object" && (methods as unknown) !== null && !(Symbol.iterator in methods);
  if (!isRecord) throw new TypeError("contract: the methods must be an object: { name: [schema] }");
  for (const [name, accepted] of Object.entries<unknown>(methods)) {
    if (!areSchemas(accepted))
      throw new TypeError(`contract: ${name} must be a list of schemas, or { args, kwargs, returns }`);
  }
  const schemas = new Map(Object.entries(methods).map(([name, accepted]) => [name, schemasOf(accepted)]));
  return { methods, bindTo: (invoke) => checkedCaller(schemas, invoke) as unknown as CheckedCaller<Methods> };
}

function checkedCaller(methods: ReadonlyMap<string, MethodSchemas>, invoke: Invoke): object {
  const call = async (name: string, args: readonly unknown[]): Promise<unknown> => {
    const schemas = methods.get(name);
    if (schemas === undefined)
      throw new TypeError(`The contract has no method ${typeof name === "string" ? printable(name) : describe(name)}`);
    const result = await invoke(name, args);
    if (schemas.returns === undefined) return result;
    return acceptResult(name, schemas.returns, result, (issues) => new ResultError(`${name}() result: ${issues}`));
  };
  return {
    call: remoteCalls(call),
    callRemote: (name: string, ...args: readonly unknown[]) => call(name, args),
  };
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- any output
type Taking<Input> = StandardSchemaV1<Input, any>;
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- any input
type Giving<Output> = StandardSchemaV1<any, Output>;

type ArgumentsTo<Method> = Method extends { readonly "~standard": unknown } | readonly unknown[]
  ? InputsOf<Method>
  : Method extends MethodSchemas
    ? [...InputsOf<Method["args"]>, ...KeywordsTo<Method["kwargs"]>]
    : never;

type InputsOf<Args> =
  Args extends Taking<infer Input>
    ? Input extends readonly unknown[]
      ? Input
      : unknown[]
    : Args extends readonly [infer First, ...infer Others]
      ? [...InputOf<First>, ...InputsOf<Others>]
      : [];

/** One argument, which may be left out if its schema accepts undefined. */
type InputOf<Schema> =
  Schema extends Taking<infer Input> ? (undefined extends Input ? [argument?: Input] : [argument: Input]) : never;

type KeywordsTo<Schema> =
  Schema extends Taking<infer Input>
    ? // eslint-disable-next-line @typescript-eslint/no-empty-object-type -- an empty object type is meant: nothing is required
      {} extends Input
      ? [keywords?: KwargsOf<Input>]
      : [keywords: KwargsOf<Input>]
    : [];

type ResultOf<Method> = Method extends { readonly returns: Giving<infer Output> } ? Output : unknown;
