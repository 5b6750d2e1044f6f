// Errors on the wire: what a peer learns about an error of this end, and how an error of the peer is represented here
// (wire specification 5.9).

import { PerspectiveBrokerError } from "@pb/banana";
import { JellyError, printable } from "@pb/jelly-types";
import type { TypeHandler } from "@pb/jelly-types";

const TAG = "twisted.spread.pb.CopyableFailure";
const EXCEPTION = ["builtins.Exception", "builtins.BaseException", "builtins.object"];
const WITHHELD = "(message withheld)";
const NO_TRACEBACK = "Traceback unavailable\n";
/** Longer texts are cut, so that an error can always be sent. */
const LONGEST_TEXT = 64 * 1024;

/** The longest message of a received error, in UTF-16 code units: a long paragraph, and little in a log. */
const LONGEST_SHOWN = 1_000;

/** The classes of a received error that are kept: far more than the base classes of any class in Python. */
const MOST_PARENTS = 64;

/** What a peer learns about an error. */
export interface ErrorDescription {
  /** The class of the error as Python names it: `module.Class`. */
  readonly type: string;
  readonly message: string;
  /** The class and its base classes, from `type` to `builtins.object`. A Twisted caller can `trap` each of them. */
  readonly parents: readonly string[];
  /** Sent in place of the stack of the error, and only with the option `unsafeTracebacks`. */
  readonly traceback?: string | undefined;
}

/**
 * An error that a method of the peer raised (`twisted.spread.pb.RemoteError`, `CopiedFailure`). Its `message` can be
 * printed: controls are escaped (a line break is `\n`), and after 1,000 characters it is cut. So can the error as a
 * whole: the names of its classes are treated in the same way, and the text of {@link remoteMessage} and {@link
 * traceback} is not shown by `console.log`.
 */
export class RemoteError extends PerspectiveBrokerError {
  override readonly name = "RemoteError";
  readonly code = "CALL_FAILED";
  /** The class of the error at the peer: `builtins.ValueError`. */
  readonly remoteType: string;
  /** The class and its base classes, `remoteType` first. */
  readonly parents: readonly string[];
  /** The method that was called. Undefined for an error that arrived as a value. */
  method: string | undefined;
  readonly #remoteMessage: string;
  readonly #traceback: string | undefined;

  constructor({ type, message, parents, traceback }: ErrorDescription) {
    super(printable(message, LONGEST_SHOWN));
    this.#remoteMessage = message;
    this.remoteType = printable(type);
    this.parents = parents.slice(0, MOST_PARENTS).map((name) => printable(name));
    this.#traceback = traceback;
  }

  /** The message as the peer sent it: of any length, and with any characters. */
  get remoteMessage(): string {
    return this.#remoteMessage;
  }

  /** The traceback as the peer sent it, if it sent one: of any length, and with any characters. */
  get traceback(): string | undefined {
    return this.#traceback;
  }

  /** Whether the error is an instance of this class or of one derived from it: `error.is("builtins.LookupError")`. */
  is(type: string): boolean {
    return this.parents.includes(type) || this.remoteType === type;
  }
}

/**
 * Adds the method to the error of a call, and replaces its stack, which shows how the answer arrived, by the stack of
 * the caller. Call it in a reaction to the promise of the call: only there does the engine know which code awaits the
 * call.
 */
export function calledAs(method: string, error: unknown): unknown {
  const remote = error instanceof RemoteError ? error : error instanceof Error ? error.cause : undefined;
  if (!(remote instanceof RemoteError) || remote.method !== undefined) return error;
  remote.method = method;
  const { captureStackTrace } = Error as { captureStackTrace?: (error: unknown, above: unknown) => void };
  captureStackTrace?.(remote, calledAs);
  if (error !== remote) captureStackTrace?.(error, calledAs);
  return error;
}

/** Represents a received error value that is neither a failure nor an instance of a registered error class. */
export function unknownFailure(value: unknown): RemoteError {
  const type = "twisted.spread.pb.Error";
  return new RemoteError({ type, message: typeof value === "string" ? value : "", parents: [type] });
}

/** The form in which an error of this end is written. */
export class Failure {
  readonly description: ErrorDescription;
  /** The error itself as jelly in banana, for peers of this implementation that have registered its class. */
  readonly copy: Uint8Array | undefined;

  constructor(description: ErrorDescription, copy?: Uint8Array) {
    this.description = description;
    this.copy = copy;
  }
}

/** The attribute of a failure that contains {@link Failure.copy}. */
const COPY = "pbx_copy";

const copies = new WeakMap<RemoteError, Uint8Array>();

/** The copy of the error that a received failure contains. */
export function copyInside(failure: RemoteError): Uint8Array | undefined {
  return copies.get(failure);
}

interface ErrorClass {
  readonly name: unknown;
  readonly remoteType?: unknown;
  readonly remoteBases?: unknown;
}

/**
 * The errors that JavaScript itself throws, with Python's equivalents. They are bugs, and their messages reveal
 * internals of the program.
 */
const engineErrors = new Map<unknown, readonly string[]>([
  [TypeError, ["builtins.TypeError"]],
  [RangeError, ["builtins.ValueError"]],
  [ReferenceError, ["builtins.NameError"]],
  [SyntaxError, ["builtins.SyntaxError"]],
  [EvalError, []],
  [URIError, ["builtins.ValueError"]],
]);

/** The names of a {@link JellyError} at the peer, by its code. */
const jellyTypes: Partial<Record<string, readonly string[]>> = {
  JELLY_NOT_ALLOWED: ["twisted.spread.jelly.InsecureJelly"],
  JELLY_BAD_UTF8: ["builtins.UnicodeDecodeError", "builtins.UnicodeError", "builtins.ValueError"],
  JELLY_UNHASHABLE: ["builtins.TypeError"],
};

/**
 * Describes an error for the peer; the default of the option `describeError`. The description has the class and the
 * message of an error of the program, but only the class of an error that JavaScript or the operating system raised. It
 * never has a stack, a cause, or another property.
 */
export function describeError(error: unknown): ErrorDescription {
  if (error instanceof RemoteError) {
    return { type: error.remoteType, message: error.remoteMessage, parents: error.parents };
  }
  if (error instanceof JellyError) {
    const types = jellyTypes[error.code] ?? ["builtins.ValueError"];
    return describeAs(types, error.message);
  }
  if (!(error instanceof Error)) {
    return describeAs([], typeof error === "string" ? error : WITHHELD);
  }
  const engine = engineErrors.get(error.constructor);
  if (engine !== undefined) return describeAs(engine, WITHHELD);
  return describeAs(typesOf(error), "syscall" in error ? WITHHELD : error.message);
}

/**
 * Calls `describe` and replaces every part of its result that cannot be sent. Never throws: the caller always gets an
 * answer.
 */
export function describeSafely(
  describe: (error: unknown) => ErrorDescription,
  error: unknown,
  withTraceback: boolean,
): ErrorDescription {
  try {
    const said: { readonly [Key in keyof ErrorDescription]?: unknown } = describe(error);
    const type = isName(said.type) ? said.type : EXCEPTION[0]!;
    return {
      type,
      message: typeof said.message === "string" ? said.message : WITHHELD,
      parents: Array.isArray(said.parents) ? said.parents.filter(isName) : [type],
      // Reading `stack` formats it, which takes longer than the rest of the answer: only where it is sent (bench
      // `login`).
      traceback: withTraceback ? tracebackOf(said, error) : undefined,
    };
  } catch {
    return UNKNOWN_ERROR;
  }
}

function tracebackOf({ traceback }: { readonly traceback?: unknown }, error: unknown): string | undefined {
  const text = traceback ?? (error instanceof Error ? error.stack : undefined);
  return typeof text === "string" ? text : undefined;
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function describeAs(types: readonly string[], message: string): ErrorDescription {
  const parents = [...types, ...EXCEPTION];
  return { type: parents[0]!, message, parents };
}

/** Describes an error about which nothing else can be sent. */
export const UNKNOWN_ERROR: ErrorDescription = describeAs([], WITHHELD);

/**
 * The names of the class of an error and of its base classes, without the base classes that only exist in JavaScript.
 */
function typesOf(error: Error): string[] {
  const types: string[] = [];
  const bases: string[] = [];
  for (
    let type: unknown = error.constructor;
    typeof type === "function" && type !== Error && type !== PerspectiveBrokerError;
    type = Object.getPrototypeOf(type)
  ) {
    const engine = engineErrors.get(type);
    if (engine !== undefined) {
      types.push(...engine.filter((name) => !types.includes(name)));
      continue;
    }
    const { name, remoteType, remoteBases } = type as unknown as ErrorClass;
    const own = Object.hasOwn(type, "remoteType") && typeof remoteType === "string" ? remoteType : name;
    if (isName(own)) types.push(own);
    if (Object.hasOwn(type, "remoteBases") && Array.isArray(remoteBases)) bases.push(...(remoteBases as string[]));
  }
  return [...types, ...bases];
}

/** A text that can always be sent: of limited length, and without lone surrogates. */
function sendable(text: string): string {
  return text.slice(0, LONGEST_TEXT).toWellFormed();
}

const ascii = new TextEncoder();
const fromBytes = new TextDecoder();

/** `(twisted.spread.pb.CopyableFailure (dictionary …))`, with all keys that any version of Twisted needs. */
export const failureHandler: TypeHandler<Failure> = {
  atoms: [TAG],
  classes: [Failure],
  identity: false,
  jelly({ description, copy }, jellier) {
    const { type, message, parents, traceback } = description;
    jellier.writer.list(2);
    jellier.writer.word(TAG);
    jellier.write({
      count: 1,
      type: ascii.encode(sendable(type)),
      value: sendable(message),
      captureVars: false,
      frames: [],
      stack: [],
      tb: null,
      parents: parents.map(sendable),
      pickled: 1,
      unsafeTracebacks: traceback !== undefined,
      traceback: traceback === undefined ? NO_TRACEBACK : sendable(traceback),
      ...(copy === undefined ? undefined : { [COPY]: copy }),
    });
  },
  unjelly(unjellier, items) {
    requireOneState(items);
    return toError(unjellier.read());
  },
  *unjellyInSteps(unjellier, items) {
    requireOneState(items);
    return toError(yield* unjellier.readInSteps());
  },
};

/** A received error can be sent on: as an argument, or by throwing it. */
export const remoteErrorHandler: TypeHandler<RemoteError> = {
  atoms: [],
  classes: [RemoteError],
  identity: false,
  jelly: (error, jellier) => jellier.write(new Failure(describeError(error))),
};

function requireOneState(items: number): void {
  if (items !== 1) throw new JellyError("JELLY_MALFORMED", "A failure has exactly one state");
}

function toError(state: unknown): RemoteError {
  const type = textOf(entry(state, "type")) ?? "builtins.Exception";
  const listed = entry(state, "parents");
  const parents = Array.isArray(listed) ? listed.map(textOf).filter((name) => name !== undefined) : [];
  const traceback = textOf(entry(state, "traceback"));
  const error = new RemoteError({
    type,
    message: textOf(entry(state, "value")) ?? "",
    parents: parents.length > 0 ? parents : [type],
    traceback: traceback === NO_TRACEBACK ? undefined : traceback,
  });
  const copy = entry(state, COPY);
  if (copy instanceof Uint8Array) copies.set(error, copy);
  return error;
}

/** The entry of a state with this name. Older peers send the names as bytes. */
function entry(state: unknown, name: string): unknown {
  if (state instanceof Map) {
    for (const [key, value] of state) if (textOf(key) === name) return value;
    return undefined;
  }
  return typeof state === "object" && state !== null ? (state as Record<string, unknown>)[name] : undefined;
}

function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return value instanceof Uint8Array ? fromBytes.decode(value) : undefined;
}
