// `pb`, a command-line tool for Perspective Broker, for use in other programs and tests.

export { main } from "./main.js";
export { run } from "./cli.js";
export type { CliIo, CliOutput } from "./io.js";
export { CliError } from "./errors.js";
export type { CliErrorCode } from "./errors.js";
