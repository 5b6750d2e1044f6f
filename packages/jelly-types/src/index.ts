// @pb/jelly-types: object graphs on Banana.

// For applications
export { jelly, unjelly } from "./jelly.js";
export { Tuple, tuple } from "./types/tuple.js";
export { FrozenSet } from "./types/set.js";
export { DateTime } from "./types/date-time.js";
export { CalendarDate } from "./types/calendar-date.js";
export { TimeOfDay } from "./types/time-of-day.js";
export { TimeDelta } from "./types/time-delta.js";
export { Decimal } from "./types/decimal.js";
export { Unpersistable } from "./types/unpersistable.js";
export { PythonName } from "./types/python-name.js";
export type { PythonNameKind } from "./types/python-name.js";
export { UnknownCopy } from "./types/unknown-copy.js";
export { Float } from "@pb/banana";
export { InsecureJellyError, JellyError } from "./errors.js";
export type { JellyErrorCode } from "./errors.js";
export { TypeRegistry } from "./registry.js";
export type { CopyOptions, PlainState } from "./types/copy.js";
export { SecurityPolicy } from "./policy.js";

// For people building on us
export { Jellier } from "./jellier.js";
export { READING_DEPTH, WRITING_DEPTH } from "./depth.js";
export type { JellierOptions } from "./jellier.js";
export { Unjellier } from "./unjellier.js";
export type { UnjellierOptions } from "./unjellier.js";
export type { Class, Exactness, JellyReader, JellyWriter, TypeHandler } from "./handler.js";
export { copyType, plainState, setOwnProperties } from "./types/copy.js";
export { below, describe, keyStep } from "./errors.js";
