// The type of `static accepts`: the compiler checks schemas against the methods of the class.

import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { AnyFunction, MethodName, MethodOf } from "../calls/method-types.js";
import type { Kwargs } from "../wire/kwargs.js";

/**
 * What the methods of a class accept. In the class `Shop`:
 *
 *     static readonly accepts: Accepts<Shop> = {
 *       pay: [z.number().positive(), z.string()],
 *       find: { args: [z.string()], kwargs: z.object({ limit: z.number() }), returns: z.array(z.string()) },
 *       import: true,
 *     };
 *
 * The keys are names without a prefix. An entry is a list with a schema for each argument, or one schema for the list
 * of all arguments, or an object with the schemas of `args`, `kwargs` and `returns`; true stands for a method that
 * checks its arguments itself. A schema is one of any library that implements Standard Schema, such as Zod, Valibot or
 * ArkType. It sees the values as they arrive, before the method runs, and must not be asynchronous for arguments. The
 * method gets what the schema returns. A call that a schema refuses rejects with `ArgumentsError` (Python's
 * `TypeError`), whose message has the path to the wrong value. The perspective of a `view_` method is not among the
 * arguments.
 *
 * `returns` checks the result before it is sent, and the caller gets what the schema returns: a schema that drops
 * unknown keys keeps them from being sent. A result that it refuses is a fault of the method: it is reported with a
 * {@link ResultError}, and the caller learns no more than that.
 */
export type Accepts<T> = { readonly [Name in MethodName<T>]?: AcceptedBy<MethodOf<T, Name>> };

type AcceptedBy<Method> = Method extends AnyFunction
  ? true | ArgumentsOf<Positional<Parameters<Method>>> | SchemasOf<Parameters<Method>, Settled<ReturnType<Method>>>
  : never;

interface SchemasOf<Args extends readonly unknown[], Result> {
  readonly args?: ArgumentsOf<Positional<Args>>;
  readonly kwargs?: SchemaOf<Keywords<Args>>;
  readonly returns?: SchemaOf<Result>;
}

type ArgumentsOf<Args extends readonly unknown[]> =
  { readonly [Key in keyof Args]: SchemaOf<Args[Key]> } | SchemaOf<Args>;

/** A schema with this output. Its input is not compared: callers of a method that transforms need an interface. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- any input
type SchemaOf<Output> = StandardSchemaV1<any, Output>;

/** The parameters without keyword arguments. */
type Positional<Args extends readonly unknown[]> = Args extends readonly [...infer Others, Kwargs] ? Others : Args;

/** The keyword arguments of a method whose last parameter is a `KwargsOf`. */
type Keywords<Args extends readonly unknown[]> =
  Required<Args> extends readonly [...unknown[], infer Last extends Kwargs]
    ? { readonly [Key in keyof Last as Exclude<Key, keyof Kwargs>]: Last[Key] }
    : Readonly<Record<string, unknown>>;

/** A result with the values of its promises, which are awaited before it is checked. */
type Settled<Result> =
  Result extends PromiseLike<infer Value>
    ? Settled<Value>
    : Result extends readonly unknown[]
      ? { [Key in keyof Result]: Settled<Result[Key]> }
      : Result;
