// What `pb doctor` asks a server of Perspective Broker.

import { dispose } from "@pb/banana";
import { RemoteError, RemoteReference } from "@pb/broker";
import type { Broker } from "@pb/broker";
import { login } from "@pb/cred";
import { printable } from "@pb/jelly-types";
import type { CliCredentials } from "../login.js";
import type { Findings } from "./findings.js";

/** Round trips that are measured. The first one may include the start of something. */
const PINGS = 5;

/** The user whose challenge is asked for without `--login`. */
const NOBODY = "pb-doctor";

export async function checkLatency(connection: Broker, findings: Findings): Promise<void> {
  const times: number[] = [];
  for (let index = 0; index < PINGS; index++) times.push(await connection.ping());
  times.sort((a, b) => a - b);
  const [fastest, median] = [times[0]!, times[PINGS >> 1]!];
  findings.add(
    "latency",
    "ok",
    `${median.toFixed(2)} ms for a round trip (median of ${PINGS}, fastest ${fastest.toFixed(2)})`,
  );
}

/** Asks for the features of `pbx`, which a stock peer does not have. */
export async function checkExtensions(connection: Broker, signal: AbortSignal, findings: Findings): Promise<void> {
  const hello = await answerOf(connection.getObject("pbx"), "hello", [], signal);
  const { features } = (hello.value ?? {}) as { readonly features?: unknown };
  if (hello.error === undefined && Array.isArray(features)) {
    findings.add("extensions", "ok", `pbx with ${printable(features.map(String).join(", "))}`);
  } else findings.add("extensions", "note", "none: a stock peer, such as Twisted");
}

/**
 * Asks which logins there are. None of the questions is an attempt to log in: SCRAM is asked for with an empty message,
 * and PB's own login for a challenge, which any client gets.
 */
export async function checkLogins(connection: Broker, signal: AbortSignal, findings: Findings): Promise<void> {
  const scram = await answerOf(connection.getObject("pbx.login"), "scram", [new Uint8Array()], signal);
  const hasScram = scram.error !== undefined && !isNotOffered(scram.error);
  const root = await connection.getRootObject();
  const classic = await answerOf(Promise.resolve(root), "login", [NOBODY], signal);
  const hasClassic = Array.isArray(classic.value) && classic.value.length === 2;
  if (Array.isArray(classic.value)) {
    for (const item of classic.value as unknown[]) if (item instanceof RemoteReference) item[dispose]();
  }
  const offered = [hasScram ? "SCRAM-SHA-256" : [], hasClassic ? "PB's challenge and response" : []].flat();
  if (offered.length > 0) findings.add("logins", "ok", offered.join(", "));
  else findings.add("logins", "note", `none with a password: ${findings.describe(classic.error)}`);
  if (hasClassic && !hasScram && !connection.peer.isEncrypted) {
    findings.add(
      "logins",
      "warning",
      "anyone who can read the connection can guess passwords from the responses: use TLS",
    );
  }
}

/** Logs in, and reports whether it worked. Returns whether it did; throws what is no answer of the server. */
export async function checkLogin(
  connection: Broker,
  credentials: CliCredentials,
  signal: AbortSignal,
  findings: Findings,
): Promise<boolean> {
  try {
    await login(connection, credentials, null, { signal });
    findings.add("login", "ok", "the server accepts the login");
    return true;
  } catch (error) {
    const code = (error as { readonly code?: unknown }).code;
    if (typeof code !== "string" || !/^(LOGIN_|CALL_FAILED$)/.test(code)) throw error;
    findings.add("login", "problem", `${findings.describe(error)} (${code})`);
    return false;
  }
}

interface Answer {
  readonly value?: unknown;
  readonly error?: unknown;
}

/** The answer of a call. Throws an error that the peer has not sent. */
async function answerOf(
  target: Promise<RemoteReference>,
  method: string,
  args: readonly unknown[],
  signal: AbortSignal,
): Promise<Answer> {
  try {
    return { value: await (await target).with({ signal }).callRemote(method, ...args) };
  } catch (error) {
    if (error instanceof RemoteError) return { error };
    throw error;
  }
}

function isNotOffered(error: unknown): boolean {
  if (!(error instanceof RemoteError)) return true;
  if (error.is("twisted.cred.error.UnhandledCredentials") || error.is("twisted.spread.flavors.NoSuchMethod"))
    return true;
  return error.remoteMessage === "Invalid Object ID";
}
