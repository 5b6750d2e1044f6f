// The error of this package, and the exit statuses of `pb`.

import { PerspectiveBrokerError } from "@pb/banana";

/** The exit statuses of `pb`. */
export const exitStatus = {
  success: 0,
  /** The peer answered a call with an error, or its answer cannot be shown. */
  failed: 1,
  /** Wrong arguments: nothing was sent. */
  usage: 2,
  /** No connection: a closed port, an unknown host, a certificate that is not trusted. */
  noConnection: 3,
  /** The login was refused. */
  loginRefused: 4,
  /** The other end, or a file, does not speak Perspective Broker; or the other end broke its rules or closed. */
  notPb: 5,
  /** The time given with `--timeout` was over. */
  timeout: 6,
  /** `typegen --check` found that a file is out of date, or a peer did something else than in a recording. */
  different: 7,
  /** A bug in `pb`. */
  internal: 70,
  /** Ctrl-C. */
  interrupted: 130,
} as const;

export type CliErrorCode =
  /** An argument or an option is wrong. */
  | "CLI_USAGE"
  /** A file cannot be read or written. */
  | "CLI_FILE"
  /** `pb tap` cannot listen at an endpoint. */
  | "CLI_LISTEN"
  /** A file is no recording, or a line of it cannot be read. */
  | "CLI_RECORDING_INVALID"
  /** A recording has another version of the format. */
  | "CLI_RECORDING_VERSION"
  /** A recording has no end, or bytes end within a message. Everything before is read. */
  | "CLI_RECORDING_TRUNCATED"
  /** Bytes are neither a recording nor Perspective Broker. */
  | "CLI_NOT_PB"
  /** A step of a path has no reference as its result, so that the next step has no object. */
  | "CLI_NOT_A_REFERENCE"
  /** A module of Python cannot be imported, or it has no such class. */
  | "CLI_PYTHON"
  /** A connection of a recording cannot be replayed. */
  | "CLI_REPLAY"
  /** The time given with `--timeout` was over. */
  | "CLI_TIMEOUT";

/** What `pb` cannot do. The message says what is wrong, and what is expected there. */
export class CliError extends PerspectiveBrokerError {
  override readonly name = "CliError";
  readonly code: CliErrorCode;

  constructor(code: CliErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** A {@link CliError} with the code `CLI_USAGE`. */
export function usageError(message: string): CliError {
  return new CliError("CLI_USAGE", message);
}

/** The exit status for an error. The first pattern that matches the code decides. */
const statuses: readonly (readonly [RegExp, number])[] = [
  [/^ABORT_ERR$/, exitStatus.interrupted],
  [/^(CLI_USAGE|CLI_FILE|CLI_LISTEN|ENDPOINT_)/, exitStatus.usage],
  [/^TLS_OPTION_/, exitStatus.usage],
  [/^(CLI_TIMEOUT|CALL_TIMEOUT|CONNECT_TIMEOUT|CONNECT_TLS_TIMEOUT)$/, exitStatus.timeout],
  [/^LOGIN_/, exitStatus.loginRefused],
  [/^(CLI_NOT_PB$|CONNECTION_|PROTOCOL_|BANANA_)/, exitStatus.notPb],
  [/^(CONNECT_|SOCKET_|E[A-Z0-9]+$|SERVER_BUSY)/, exitStatus.noConnection],
  [/^(CALL_|CLI_|JELLY_|LIMIT_|REFERENCE_)/, exitStatus.failed],
];

/** The exit status for an error of a command. */
export function statusOf(error: unknown): number {
  const code = codeOf(error);
  return statuses.find(([pattern]) => code !== undefined && pattern.test(code))?.[1] ?? exitStatus.internal;
}

/** The code of an error of these packages or of Node. */
export function codeOf(error: unknown): string | undefined {
  const { code } = error as { readonly code?: unknown };
  return error instanceof Error && typeof code === "string" ? code : undefined;
}
