// @pb/broker/schema: checks the arguments and results of methods with Standard Schemas.

export type {} from "../globals.js";

export type { Accepts } from "./accepts.js";
export { contract } from "./contract.js";
export type { CheckedCaller, Contract, ContractMethods } from "./contract.js";
export type { ContractBinder } from "../calls/remote-calls.js";
export { bytes, dateTime, decimal, calendarDate, integer, reference, timeDelta, timeOfDay, tupleOf } from "./values.js";
export type { Schema } from "./values.js";
export { ResultError } from "../errors.js";
