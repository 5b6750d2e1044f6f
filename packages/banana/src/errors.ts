// Errors of the codec, and the base class of all errors of the @pb packages.

/**
 * The base class of every error class of the @pb packages: `error instanceof PerspectiveBrokerError` matches all of
 * them.
 *
 * All codes follow one scheme, `FAMILY_DETAIL` in capital letters. The family names the kind of error:
 * `BANANA_STRING_TOO_LONG`, `CALL_TIMEOUT`. Codes are stable, the wording of messages is not.
 */
export abstract class PerspectiveBrokerError extends Error {
  /** The kind of error. */
  abstract readonly code: string;
}

/**
 * Stable codes of a {@link BananaError}. Codes do not change, the wording of messages may.
 *
 * While reading: `PREFIX_TOO_LONG`, `INTEGER_TOO_LARGE`, `STRING_TOO_LONG`, `LIST_TOO_LONG`, `TOO_DEEP`,
 * `EXPRESSION_TOO_LARGE`, `HEAP_TOO_LARGE`,
 * `UNKNOWN_TYPE`, `UNKNOWN_WORD`, `NO_VOCABULARY`, `UNEXPECTED_KIND`, `BAD_UTF8`, `BAD_WORD`,
 * `TRUNCATED`, `TRAILING_BYTES`. While writing: `INTEGER_TOO_LARGE`, `STRING_TOO_LONG`, `LIST_TOO_LONG`, `TOO_DEEP`,
 * `LONE_SURROGATE`. While negotiating: `NO_COMMON_DIALECT`, `BAD_NEGOTIATION`, `NOT_BANANA`.
 */
export type BananaErrorCode =
  | "BANANA_PREFIX_TOO_LONG"
  | "BANANA_INTEGER_TOO_LARGE"
  | "BANANA_STRING_TOO_LONG"
  | "BANANA_LIST_TOO_LONG"
  | "BANANA_TOO_DEEP"
  | "BANANA_EXPRESSION_TOO_LARGE"
  | "BANANA_HEAP_TOO_LARGE"
  | "BANANA_UNKNOWN_TYPE"
  | "BANANA_UNKNOWN_WORD"
  | "BANANA_NO_VOCABULARY"
  | "BANANA_UNEXPECTED_KIND"
  | "BANANA_BAD_UTF8"
  | "BANANA_BAD_WORD"
  | "BANANA_TRUNCATED"
  | "BANANA_TRAILING_BYTES"
  | "BANANA_LONE_SURROGATE"
  | "BANANA_NO_COMMON_DIALECT"
  | "BANANA_BAD_NEGOTIATION"
  | "BANANA_NOT_BANANA";

/** Optional details of a {@link BananaError}. */
export interface BananaErrorOptions {
  /** Number of bytes from the start of the stream to the invalid element. */
  readonly offset?: number | undefined;
  readonly cause?: unknown;
}

/**
 * The bytes are not valid Banana, or a limit was exceeded (wire specification 2.5, 2.7;
 * `twisted.spread.banana.BananaError`).
 */
export class BananaError extends PerspectiveBrokerError {
  override readonly name = "BananaError";
  readonly code: BananaErrorCode;
  /** Number of bytes from the start of the stream to the invalid element; undefined when the error is about writing. */
  readonly offset: number | undefined;

  constructor(code: BananaErrorCode, message: string, options: BananaErrorOptions = {}) {
    const { offset } = options;
    super(offset === undefined ? message : `${message} (offset ${offset})`, options);
    this.code = code;
    this.offset = offset;
  }
}
