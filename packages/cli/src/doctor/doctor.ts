// `pb doctor`: finds out what listens at an endpoint, and whether it can be used.

import { parseClientEndpoint, openSocket } from "@pb/node-transport";
import type { ClientEndpoint, TlsClientEndpoint } from "@pb/node-transport";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import { secondsOf, withDeadline } from "../deadline.js";
import { CliError, codeOf, exitStatus, statusOf } from "../errors.js";
import type { CliIo } from "../io.js";
import { credentialsFor } from "../login.js";
import type { CliCredentials, LoginFlags } from "../login.js";
import { withConnection } from "../session.js";
import { describeCertificate, describeTls } from "./certificate.js";
import { Findings } from "./findings.js";
import type { Protocol } from "./identify.js";
import { checkExtensions, checkLatency, checkLogin, checkLogins } from "./pb-checks.js";
import { closed, handshake, identifyServer } from "./probe.js";
import type { Patience } from "./probe.js";

export interface DoctorFlags extends LoginFlags {
  readonly json?: true;
  readonly timeout: string;
  readonly silence: string;
}

/** Milliseconds that a server gets to answer with HTTP or TLS. */
const ANSWER_MS = 5_000;

/** What the checks found, besides the findings. */
interface Outcome {
  readonly protocol: Protocol | "none";
  readonly status: number;
}

/** Prints what it finds. Resolves with the exit status, and rejects with `CliError` and `EndpointError`. */
export async function doctor(endpoint: string, flags: DoctorFlags, io: CliIo): Promise<number> {
  const target = parseClientEndpoint(endpoint);
  const credentials = await credentialsFor(flags, io);
  const patience = { silenceMs: secondsOf("--silence", flags.silence) * 1000, answerMs: ANSWER_MS };
  const findings = new Findings(io, flags.json === true);
  const { protocol, status } = await withDeadline(flags.timeout, io.signal, (signal) =>
    examine(endpoint, target, credentials, patience, signal, findings),
  );
  findings.end(endpoint, protocol);
  return status;
}

async function examine(
  endpoint: string,
  target: ClientEndpoint,
  credentials: CliCredentials | undefined,
  patience: Patience,
  signal: AbortSignal,
  findings: Findings,
): Promise<Outcome> {
  const dial = (): Promise<Duplex> => openSocket(target, { signal });
  const unencrypted = target.type === "tls" ? plainEndpoint(target) : target;
  const failure = await checkConnection(unencrypted, signal, findings);
  if (failure !== undefined) return failure;
  if (target.type === "tls") {
    const tlsFailure = await checkTls(target, unencrypted, patience, signal, findings);
    if (tlsFailure !== undefined) return tlsFailure;
  }
  const identity = await identifyServer(dial, target.type === "tls", patience, signal);
  findings.add("protocol", identity.protocol === "pb" ? "ok" : "problem", identity.text);
  if (identity.protocol !== "pb") return { protocol: identity.protocol, status: exitStatus.notPb };
  return { protocol: "pb", status: await checkPb(endpoint, credentials, signal, findings) };
}

/** The same place without TLS. */
function plainEndpoint(target: TlsClientEndpoint): ClientEndpoint {
  return target.over ?? { ...target, type: "tcp" };
}

async function checkConnection(
  target: ClientEndpoint,
  signal: AbortSignal,
  findings: Findings,
): Promise<Outcome | undefined> {
  const start = performance.now();
  try {
    await closed(await openSocket(target, { signal }));
    findings.add("connection", "ok", `accepted after ${(performance.now() - start).toFixed(1)} ms`);
    return undefined;
  } catch (error) {
    return failed("connection", error, signal, findings);
  }
}

async function checkTls(
  target: TlsClientEndpoint,
  plain: ClientEndpoint,
  patience: Patience,
  signal: AbortSignal,
  findings: Findings,
): Promise<Outcome | undefined> {
  try {
    const socket = await openSocket(target, { signal });
    if (socket instanceof TLSSocket) describeTls(socket, findings);
    await closed(socket);
    return undefined;
  } catch (error) {
    const outcome = failed("tls", error, signal, findings);
    const socket = await handshake(await openSocket(plain, { signal }), target.tls?.serverName, ANSWER_MS, signal);
    if (socket !== undefined) {
      findings.add("tls", "note", describeCertificate(socket.getPeerCertificate()));
      await closed(socket);
      return { ...outcome, protocol: "tls" };
    }
    const { protocol, text } = await identifyServer(() => openSocket(plain, { signal }), false, patience, signal);
    findings.add("protocol", "problem", `Without TLS: ${text}`);
    return { ...outcome, protocol };
  }
}

/** Adds the problem with a connection. Throws what is none: a timeout, Ctrl-C, a bug. */
function failed(check: "connection" | "tls", error: unknown, signal: AbortSignal, findings: Findings): Outcome {
  const status = statusOf(error);
  if (signal.aborted || error instanceof CliError || status === exitStatus.internal) throw error;
  findings.add(check, "problem", `${findings.describe(error)} (${codeOf(error) ?? "no code"})`);
  return { protocol: "none", status };
}

function checkPb(
  endpoint: string,
  credentials: CliCredentials | undefined,
  signal: AbortSignal,
  findings: Findings,
): Promise<number> {
  return withConnection(endpoint, signal, async (connection) => {
    findings.add("dialect", "ok", `${connection.dialect?.name ?? "?"} is used`);
    await checkLatency(connection, findings);
    await checkExtensions(connection, signal, findings);
    await checkLogins(connection, signal, findings);
    if (credentials === undefined || (await checkLogin(connection, credentials, signal, findings)))
      return exitStatus.success;
    return exitStatus.loginRefused;
  });
}
