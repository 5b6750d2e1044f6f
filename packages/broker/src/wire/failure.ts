// Errors on their way: what a peer learns of ours, and what we make of the peer's (wire specification 5.9).

import { JellyError } from "@pb/jelly-types";
import type { JellyReader, TypeHandler } from "@pb/jelly-types";

const TAG = "twisted.spread.pb.CopyableFailure";
const EXCEPTION = ["builtins.Exception", "builtins.BaseException", "builtins.object"];
const WITHHELD = "(message withheld)";
const NO_TRACEBACK = "Traceback unavailable\n";
/** Longer texts are cut: an error must always be able to travel. */
const LONGEST_TEXT = 64 * 1024;

/** What leaves the process of an error. */
export interface ErrorDescription {
  /** `module.Class` in Python's words. */
  readonly type: string;
  readonly message: string;
  /** The classes it is one of, from `type` itself to `builtins.object`: what a Twisted caller can `trap`. */
  readonly parents: readonly string[];
  /** Only sent when tracebacks are switched on, in place of the error's stack. */
  readonly traceback?: string | undefined;
}

/** An error raised by the peer's method (`twisted.spread.pb.RemoteError`, `CopiedFailure`). */
export class RemoteError extends Error {
  override readonly name = "RemoteError";
  /** `builtins.ValueError`, or what the peer calls it. */
  readonly remoteType: string;
  /** The classes it is one of, `remoteType` first. */
  readonly parents: readonly string[];
  /** The peer's traceback, when it sends one. */
  readonly traceback: string | undefined;
  /** The method that was called. Undefined for an error that came as a value. */
  method: string | undefined;

  constructor({ type, message, parents, traceback }: ErrorDescription) {
    super(message);
    this.remoteType = type;
    this.parents = parents;
    this.traceback = traceback;
  }

  /** Whether it is of this class or of one that extends it: `error.is("builtins.LookupError")`. */
  is(type: string): boolean {
    return this.parents.includes(type) || this.remoteType === type;
  }
}

/**
 * Makes the error of a call say which one it was: the method, and, in the stack, who made the call, in place of how the error arrived. Must be
 * asked in a reaction to the promise of the call: only there does the engine know the way back to who awaits it.
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

/** An error of ours as it is written. */
export class Failure {
  readonly description: ErrorDescription;

  constructor(description: ErrorDescription) {
    this.description = description;
  }
}

interface ErrorClass {
  readonly name: unknown;
  readonly remoteType?: unknown;
  readonly remoteBases?: unknown;
}

/** What JavaScript itself throws, and what Python would have thrown. Such an error is a fault, and its message is about our insides. */
const engineErrors = new Map<unknown, readonly string[]>([
  [TypeError, ["builtins.TypeError"]],
  [RangeError, ["builtins.ValueError"]],
  [ReferenceError, ["builtins.NameError"]],
  [SyntaxError, ["builtins.SyntaxError"]],
  [EvalError, []],
  [URIError, ["builtins.ValueError"]],
]);

/** The types by which a peer knows the errors of the layers below. */
const jellyTypes: Partial<Record<string, readonly string[]>> = {
  JELLY_NOT_ALLOWED: ["twisted.spread.jelly.InsecureJelly"],
  JELLY_BAD_UTF8: ["builtins.UnicodeDecodeError", "builtins.UnicodeError", "builtins.ValueError"],
  JELLY_UNHASHABLE: ["builtins.TypeError"],
};

/**
 * What a peer learns of an error by default: the class and the message of errors raised on purpose; of errors that JavaScript raised, and of
 * system errors, only the class. Never a stack, a cause, or another property.
 */
export function describeError(error: unknown): ErrorDescription {
  if (error instanceof RemoteError) {
    return { type: error.remoteType, message: error.message, parents: error.parents };
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

/** What `describe` says of an error, as far as it can be sent. Never throws: whatever was thrown, its caller hears of a failure. */
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
      // A stack is made when it is looked at, which takes longer than the rest of an answer: not where it is not wanted (bench `login`).
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

/** All that is said of an error that nothing can be said of. */
export const UNKNOWN_ERROR: ErrorDescription = describeAs([], WITHHELD);

/** The names of an error's class and of the classes above it, up to Error itself. */
function typesOf(error: Error): string[] {
  const types: string[] = [];
  const bases: string[] = [];
  for (
    let type: unknown = error.constructor;
    typeof type === "function" && type !== Error;
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

/** Text that can always be sent. */
function sendable(text: string): string {
  return text.slice(0, LONGEST_TEXT).toWellFormed();
}

const ascii = new TextEncoder();
const fromBytes = new TextDecoder();

/** `(twisted.spread.pb.CopyableFailure (dictionary …))`, with every key that some version of Twisted needs. */
export const failure: TypeHandler<Failure> = {
  atoms: [TAG],
  classes: [Failure],
  identity: false,
  jelly({ description }, jellier) {
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
    });
  },
  unjelly: readFailure,
};

/** A failure that was received can be sent on: as an argument, or by throwing it. */
export const remoteError: TypeHandler<RemoteError> = {
  atoms: [],
  classes: [RemoteError],
  identity: false,
  jelly: (error, jellier) => jellier.write(new Failure(describeError(error))),
  unjelly: () => undefined,
};

function readFailure(unjellier: JellyReader, items: number): RemoteError {
  if (items !== 1) throw new JellyError("JELLY_MALFORMED", "A failure has one state");
  const state = unjellier.read();
  const type = textOf(entry(state, "type")) ?? "builtins.Exception";
  const listed = entry(state, "parents");
  const parents = Array.isArray(listed) ? listed.map(textOf).filter((name) => name !== undefined) : [];
  const traceback = textOf(entry(state, "traceback"));
  return new RemoteError({
    type,
    message: textOf(entry(state, "value")) ?? "",
    parents: parents.length > 0 ? parents : [type],
    traceback: traceback === NO_TRACEBACK ? undefined : traceback,
  });
}

/** What a state dict has under a name, spelled as text or, by older peers, as bytes. */
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
