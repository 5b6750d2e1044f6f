// The ids of connections, by which events, logs and metrics are joined.

import { randomText } from "./random-text.js";

/** Hexadecimal digits that are the same for all connections of a process: 48 random bits. */
const PROCESS_DIGITS = 12;

let process = "";
let count = 0;

/**
 * A new id, such as `8f3a2c9d01b4-1z`: it is unique in this process, and with the random part also among processes and
 * after a restart. It is no secret, and proves nothing.
 */
export function nextConnectionId(): string {
  if (process === "") process = randomText().slice(0, PROCESS_DIGITS);
  return `${process}-${(++count).toString(36)}`;
}
