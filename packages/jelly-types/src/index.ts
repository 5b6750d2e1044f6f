// @pb/jelly-types: converts JavaScript values to the s-expressions of Perspective Broker and back.

// For applications
export { jelly, unjelly } from "./jelly.js";
export { Tuple, tuple } from "./types/tuple.js";
export { FrozenSet } from "./types/set.js";
export { DateTime } from "./types/time/date-time.js";
export { CalendarDate } from "./types/time/calendar-date.js";
export { TimeOfDay } from "./types/time/time-of-day.js";
export { TimeDelta } from "./types/time/time-delta.js";
export { Decimal } from "./types/decimal.js";
export { Unpersistable } from "./types/instances/unpersistable.js";
export { PythonName } from "./types/instances/python-name.js";
export type { PythonNameKind } from "./types/instances/python-name.js";
export { UnknownCopy } from "./types/instances/unknown-copy.js";
export { Float } from "@pb/banana";
export { InsecureJellyError, JellyError } from "./errors.js";
export type { JellyErrorCode } from "./errors.js";
export { TypeRegistry } from "./registry.js";
export type { CopyOptions, PlainState } from "./types/instances/copy.js";
export { SecurityPolicy } from "./policy.js";

// For authors of transports and types
export { Jellier } from "./writing/jellier.js";
export type { JellierOptions } from "./writing/jellier.js";
export { Unjellier } from "./reading/unjellier.js";
export type { UnjellierOptions } from "./reading/unjellier-options.js";
export { PlainTree } from "./types/plain-tree.js";
export { completeExactness } from "./handler.js";
export type {
  Class,
  Exactness,
  JellyReader,
  JellyStepReader,
  JellyWriter,
  ReadingHandler,
  TypeHandler,
  WritingHandler,
} from "./handler.js";
export {
  copyType,
  hasPrivateMembers,
  plainState,
  requireState,
  setOwnProperties,
  takeDropped,
} from "./types/instances/copy.js";
export { requireTypeName, sentTypeName } from "./type-name.js";
export { addDisposal, asyncDispose, dispose, isDispose, onDispose, refuseProxies } from "@pb/banana";
export { classOf, hasReadableClass } from "./class-of.js";
export { below, describe, printable } from "./errors.js";
export { keyOfId } from "./reading/hash-guard.js";
export { isIndex, makeSparse } from "./reading/sparse.js";
export { checkNumber, checkOptions, withDefaults } from "./options.js";
export type { Accepted, Given, NumberRange, OptionKind, OptionKinds } from "./options.js";
export { nearest } from "./nearest.js";
