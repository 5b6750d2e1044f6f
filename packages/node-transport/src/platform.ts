// The functions of Node that @pb/transport needs.

import { defaultPlatform } from "@pb/transport";
import type { Platform } from "@pb/transport";

/** Warnings are those of the process, with the name `PBWarning`: `process.on("warning", …)` observes them. */
export const nodePlatform: Platform = {
  ...defaultPlatform,
  afterTurn: (callback) => void setImmediate(callback),
  warn: (message) => process.emitWarning(message, { type: "PBWarning" }),
};
