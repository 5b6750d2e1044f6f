// Completes the options of a program: undefined means the default, and a value of the wrong kind is refused where it is
// given, not where it is used.

/** The numbers that an option accepts. */
export interface NumberRange {
  /** Default 0. */
  readonly least?: number;
  /** Default `Infinity`. */
  readonly most?: number;
  /** Whether only whole numbers and `Infinity` are accepted. Default false. */
  readonly isWhole?: boolean;
}

/** For each option: the numbers or the words that it accepts. */
export type Accepted<T> = { readonly [Name in keyof T]?: NumberRange | readonly string[] };

/** Options that may be missing or undefined. */
export type Given<T> = { readonly [Name in keyof T]?: T[Name] | undefined };

/**
 * Returns `defaults` with the values of `given` in place of its own. A value that is undefined leaves the default.
 *
 * Throws `TypeError` for an option that `defaults` does not have, and for a value that is not of the type of its
 * default or not in `accepted`. A number that `accepted` does not mention must be at least 0, and a whole number unless
 * the name of its option ends with `Ms`; both may be `Infinity`. `what` describes the options
 * in the message, such as "limit".
 */
export function withDefaults<T extends object>(
  what: string,
  defaults: T,
  given: Given<T> | undefined,
  accepted: Accepted<T> = {},
): T {
  const result = { ...defaults };
  if (given === undefined) return result;
  if (typeof given !== "object" || (given as unknown) === null) throw unaccepted(`The ${what}s`, given, "an object");
  for (const [name, value] of Object.entries(given) as [keyof T & string, unknown][]) {
    if (!Object.hasOwn(defaults, name)) throw new TypeError(`There is no ${what} ${name}`);
    if (value === undefined) continue;
    check(`The ${what} ${name}`, value, typeof defaults[name], accepted[name] ?? usualRange(name));
    result[name] = value as T[keyof T & string];
  }
  return result;
}

/** Throws `TypeError` unless `value` is a number in the range. `what` describes it in the message. */
export function checkNumber(
  what: string,
  value: unknown,
  { least = 0, most = Infinity, isWhole = false }: NumberRange = {},
): void {
  if (typeof value === "number" && value >= least && value <= most && (!isWhole || value % 1 === 0 || value === most))
    return;
  throw unaccepted(what, value, `${isWhole ? "an integer" : "a number"} from ${least} to ${most}`);
}

function check(what: string, value: unknown, type: string, accepted: NumberRange | readonly string[]): void {
  if (Array.isArray(accepted)) {
    if (!accepted.includes(value)) throw unaccepted(what, value, `one of ${accepted.join(", ")}`);
  } else if (type === "number") checkNumber(what, value, accepted as NumberRange);
  else if (typeof value !== type) throw unaccepted(what, value, `of the type ${type}`);
}

function usualRange(name: string): NumberRange {
  return { isWhole: !name.endsWith("Ms") };
}

function unaccepted(what: string, value: unknown, expected: string): TypeError {
  return new TypeError(
    `${what} must be ${expected}, not ${typeof value === "string" ? JSON.stringify(value) : String(value)}`,
  );
}
