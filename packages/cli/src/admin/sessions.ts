// `pb sessions`: lists the users that are logged in to a server, and ends sessions.

import type { RemoteReference } from "@pb/broker";
import { printable } from "@pb/jelly-types";
import type { Admin, SessionRow } from "@pb/node-transport/admin";
import { withDeadline } from "../deadline.js";
import { exitStatus, usageError } from "../errors.js";
import { escaped } from "../escape.js";
import { columnsOf } from "../io.js";
import type { CliIo } from "../io.js";
import { withAdmin } from "./connect-admin.js";
import { duration, size, tableLines } from "./table.js";
import type { Column } from "./table.js";

export interface SessionsFlags {
  readonly disconnect?: string;
  readonly for?: string;
  readonly untilChange?: boolean;
  readonly readmit?: string;
  readonly revalidate?: boolean;
  readonly timeout: string;
  readonly json?: boolean;
}

/** Sessions that are asked for. */
const MOST = 100_000;

const columns: readonly Column<SessionRow>[] = [
  ["USER", ({ user }) => user ?? "-"],
  ["SINCE", ({ sinceMs }) => duration(sinceMs)],
  ["LOGIN", ({ mechanism }) => mechanism],
  ["PEER", ({ peer }) => peer.replace(/ via .*/, "")],
  ["CALLS", ({ callsRunning }) => callsRunning],
  ["QUEUED", ({ bytesQueued }) => size(bytesQueued)],
  ["REFS", ({ referencesGiven }) => referencesGiven],
  ["CONNECTION", ({ connection }) => connection],
];

type Action = (admin: RemoteReference<Admin>) => Promise<readonly [lines: readonly string[], result: object]>;

export async function sessions(socket: string, flags: SessionsFlags, io: CliIo): Promise<number> {
  const action = actionOf(flags, columnsOf(io.stdout));
  const [lines, result] = await withDeadline(flags.timeout, io.signal, (signal) => withAdmin(socket, signal, action));
  const text =
    flags.json === true ? escaped(JSON.stringify(result)) : lines.map((line) => printable(line, Infinity)).join("\n");
  io.stdout.write(`${text}\n`);
  return exitStatus.success;
}

function actionOf(flags: SessionsFlags, width: number): Action {
  const { disconnect, readmit, revalidate } = flags;
  if ([disconnect, readmit, revalidate].filter((flag) => flag !== undefined).length > 1)
    throw usageError("--disconnect, --readmit and --revalidate exclude each other");
  if (disconnect === undefined && (flags.for ?? flags.untilChange) !== undefined)
    throw usageError("--for and --until-change need --disconnect USER");
  for (const [option, user] of Object.entries({ disconnect, readmit }))
    if (user === "") throw usageError(`--${option} "": expected the name of a user`);
  if (disconnect !== undefined) return ending(disconnect, refusalMs(flags.for), flags.untilChange === true);
  if (readmit !== undefined) return readmitting(readmit);
  return revalidate === true ? revalidating : listing(width);
}

/** The longest time in seconds: 30 years. */
const LONGEST_REFUSAL = 1_000_000_000;

/** Milliseconds, or null for all time. */
function refusalMs(text: string | undefined): number | null {
  if (text === undefined) return null;
  const seconds = Number(text);
  if (!/^\d+$/.test(text) || seconds > LONGEST_REFUSAL)
    throw usageError(`--for ${JSON.stringify(text)}: expected whole seconds from 0 to ${LONGEST_REFUSAL}`);
  return seconds * 1000;
}

function listing(width: number): Action {
  return async (admin) => {
    const table = await admin.callRemote("sessions", MOST);
    const lines = tableLines(columns, table.sessions, width);
    return [table.total === 0 ? ["no sessions"] : lines, table];
  };
}

function ending(user: string, forMs: number | null, untilChange: boolean): Action {
  return async (admin) => {
    const ended = await admin.callRemote("disconnect", user, forMs, untilChange);
    const refused = forMs === 0 ? "" : `; logins are refused ${refusalText(forMs, untilChange)}`;
    return [[`${user}: ${ended} sessions ended${refused}`], { user, ended }];
  };
}

function refusalText(forMs: number | null, untilChange: boolean): string {
  const time = forMs === null ? undefined : `for ${duration(forMs)}`;
  if (untilChange) return time === undefined ? "until the password changes" : `${time}, or until the password changes`;
  return time ?? "until pb sessions --readmit, or until the server restarts";
}

function readmitting(user: string): Action {
  return async (admin) => {
    const wasRefused = await admin.callRemote("readmit", user);
    return [[`${user}: ${wasRefused ? "logins are accepted again" : "was not refused"}`], { user, wasRefused }];
  };
}

const revalidating: Action = async (admin) => {
  const ended = await admin.callRemote("revalidate");
  return [[`${ended} sessions ended`], { ended }];
};
