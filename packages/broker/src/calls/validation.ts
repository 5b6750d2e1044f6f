// What the methods of a class accept: schemas check the arguments of a call before the method runs, and its result
// before it is sent.

import { describe, printable } from "@pb/jelly-types";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { ArgumentsError, ResultError } from "../errors.js";
import { Kwargs } from "../wire/kwargs.js";
import { containsPromise, isThenable, resolvePromises } from "../wire/promised-results.js";

/** A schema for each argument, or one for the list of all of them. */
export type ArgumentSchemas = readonly StandardSchemaV1[] | StandardSchemaV1;

/** The schemas of a method. Without `args` or without `kwargs`, it takes none. */
export interface MethodSchemas {
  readonly args?: ArgumentSchemas | undefined;
  /** For an object with all keyword arguments. Not for a method with `static parameters`, which has them in `args`. */
  readonly kwargs?: StandardSchemaV1 | undefined;
  readonly returns?: StandardSchemaV1 | undefined;
}

/** What a method accepts. True for a method that checks its arguments itself. */
export type Accepted = true | ArgumentSchemas | MethodSchemas;

/** The value of `static accepts`. */
export type AcceptedMethods = Readonly<Record<string, Accepted>>;

/** The issues that a message lists. A list with many wrong items would fill it. */
const MOST_ISSUES = 5;

/** The longest path and the longest text of an issue in a message, in UTF-16 code units. */
const LONGEST_PART = 150;

/** The keys of a path that a message shows. */
const DEEPEST_PATH = 32;

/** Whether a value is a schema: an object or a function with the property `~standard`. */
export function isSchema(value: unknown): value is StandardSchemaV1 {
  if ((typeof value !== "object" || value === null) && typeof value !== "function") return false;
  return typeof (value as Partial<StandardSchemaV1>)["~standard"]?.validate === "function";
}

/** Whether a declaration consists of schemas. */
export function areSchemas(accepted: unknown): accepted is Exclude<Accepted, true> {
  if (isSchema(accepted)) return true;
  if (Array.isArray(accepted)) return accepted.every(isSchema);
  if (typeof accepted !== "object" || accepted === null) return false;
  const { args = [], kwargs, returns, ...others } = accepted as Readonly<Record<string, unknown>>;
  if (Object.keys(others).length > 0 || !(isSchema(args) || (Array.isArray(args) && args.every(isSchema))))
    return false;
  return [kwargs, returns].every((schema) => schema === undefined || isSchema(schema));
}

/** The schemas of what a method accepts, in one form. */
export function schemasOf(accepted: Exclude<Accepted, true>): MethodSchemas {
  return Array.isArray(accepted) || isSchema(accepted)
    ? { args: accepted as ArgumentSchemas }
    : (accepted as MethodSchemas);
}

/**
 * The arguments of a call of `name`, as its schemas return them. The last of `given` may be keyword arguments. With
 * `parameters`, messages name the arguments. Throws `ArgumentsError` when a schema refuses them, and `TypeError` when a
 * schema fails or is asynchronous.
 */
export function acceptArguments(
  name: string,
  { args: schemas = [], kwargs: keywordSchema }: MethodSchemas,
  given: readonly unknown[],
  parameters: readonly string[] | undefined,
): unknown[] {
  const last: unknown = given.at(-1);
  const hasKeywords = parameters === undefined && last instanceof Kwargs;
  const accepted = acceptPositional(name, schemas, hasKeywords ? given.slice(0, -1) : given, parameters);
  if (keywordSchema !== undefined) {
    const keywords = checkNow(keywordSchema, Object.fromEntries(hasKeywords ? Object.entries(last) : []), `${name}()`);
    accepted.push(Kwargs.from(requireObject(keywords, name)));
  } else if (hasKeywords) throw new ArgumentsError(`${name}() takes no keyword arguments`);
  return accepted;
}

function acceptPositional(
  name: string,
  schemas: ArgumentSchemas,
  given: readonly unknown[],
  parameters: readonly string[] | undefined,
): unknown[] {
  if (isSchema(schemas)) return requireList(checkNow(schemas, given, `${name}() arguments`), name);
  if (given.length > schemas.length)
    throw new ArgumentsError(`${name}() takes ${schemas.length} arguments but ${given.length} were given`);
  const names = parameters?.filter((parameter) => parameter !== "*");
  return schemas.map((schema, index) => {
    const label = names?.[index]?.replace(/\?$/, "") ?? String(index + 1);
    return checkNow(schema, given[index], `${name}() argument ${label}`);
  });
}

function requireList(made: unknown, name: string): unknown[] {
  if (Array.isArray(made)) return [...(made as unknown[])];
  throw new TypeError(`The schema of ${name}() arguments returned ${describe(made)}, and not a list`);
}

function requireObject(made: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof made === "object" && made !== null && !Array.isArray(made)) return made as Record<string, unknown>;
  throw new TypeError(`The schema of ${name}() keyword arguments returned ${describe(made)}, and not an object`);
}

/** What a schema makes of a value, at once: a call must not start after one that has arrived later. */
function checkNow(schema: StandardSchemaV1, value: unknown, place: string): unknown {
  const checked = check(schema, value, place);
  if (checked instanceof Promise) {
    checked.catch(() => undefined);
    throw new TypeError(
      `The schema of ${place} is asynchronous. Calls start in the order in which they arrive: check it in the method`,
    );
  }
  if (checked.issues) throw new ArgumentsError(`${place}: ${describeIssues(checked.issues)}`);
  return checked.value;
}

/**
 * The result of a call of `name`, as its schema returns it. A promise if the result, something in it, or the schema is
 * one. Throws or rejects with the error of `refuse` when the schema refuses it, and with `TypeError` when the schema
 * fails.
 */
export function acceptResult(
  name: string,
  schema: StandardSchemaV1,
  result: unknown,
  refuse: (issues: string) => Error,
): unknown {
  const accept = (value: unknown): unknown => {
    if (containsPromise(value)) return resolvePromises(value).then(accept);
    const settle = (checked: StandardSchemaV1.Result<unknown>): unknown => {
      if (checked.issues) throw refuse(describeIssues(checked.issues));
      return checked.value;
    };
    const checked = check(schema, value, `${name}() result`);
    return checked instanceof Promise ? checked.then(settle) : settle(checked);
  };
  return isThenable(result) ? Promise.resolve(result).then(accept) : accept(result);
}

/**
 * The error of a method whose result its own schema refuses. The caller learns that, and not what is wrong: the result
 * was not meant for it.
 */
export function refuseOwnResult(name: string): (issues: string) => ResultError {
  return (issues) =>
    new ResultError(`The result of ${name}() is not what the method declares`, { cause: new Error(issues) });
}

type Checked = StandardSchemaV1.Result<unknown>;

function check(schema: StandardSchemaV1, value: unknown, place: string): Checked | Promise<Checked> {
  const fail = (cause: unknown): never => {
    throw new TypeError(`The schema of ${place} failed`, { cause });
  };
  const read = (checked: unknown): Checked => {
    if (typeof checked !== "object" || checked === null || !("value" in checked || "issues" in checked))
      throw new TypeError(`The schema of ${place} returned ${describe(checked)}, and not a value or issues`);
    return checked as Checked;
  };
  let checked: unknown;
  try {
    checked = schema["~standard"].validate(value);
  } catch (error) {
    return fail(error);
  }
  return isThenable(checked) ? Promise.resolve(checked).then(read, fail) : read(checked);
}

/** The first issues as text of limited length. It may contain parts of the value, if the schema writes them. */
function describeIssues(issues: readonly StandardSchemaV1.Issue[]): string {
  const shown = Array.from(issues.slice(0, MOST_ISSUES), ({ path, message }) => {
    const place = (path ?? []).slice(0, DEEPEST_PATH).map(describeKey).join("");
    return (
      (place === "" ? "" : `${cut(place)}: `) +
      cut(printable(typeof message === "string" ? message : "refused", LONGEST_PART))
    );
  });
  const left = issues.length - shown.length;
  return shown.join("; ") + (left > 0 ? `; and ${left} more` : "");
}

function describeKey(segment: PropertyKey | StandardSchemaV1.PathSegment): string {
  const key = typeof segment === "object" ? segment.key : segment;
  return typeof key === "number" ? `[${key}]` : `.${printable(String(key), LONGEST_PART)}`;
}

function cut(text: string): string {
  return text.length > LONGEST_PART ? `${text.slice(0, LONGEST_PART)}…` : text;
}
