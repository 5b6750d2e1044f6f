// Runs in a page, a worker, a shared worker and an iframe of a real browser: the client half of the contract over
// WebSockets, and logins. Posts each result to the test.

import { connect } from "@pb/web-transport";
import { login, UsernamePassword } from "@pb/cred";
import { allVerdicts } from "../interop/client.js";
import type { Target, Verdict } from "../interop/client.js";
import { contracts } from "./expected.js";
import type { Row } from "./expected.js";

/** Runs the four contracts of a transport at the same time. */
export async function runContracts(transport: string, open: (row: Row) => Target["connect"]): Promise<void> {
  const rows = contracts.filter((row) => row.transport === transport);
  await Promise.all(
    rows.map((row) =>
      report(row.name, async () => {
        const verdicts = await allVerdicts({ ...row, connect: open(row) });
        return { passed: verdicts.filter(({ ok }) => ok).length, failed: verdicts.filter(({ ok }: Verdict) => !ok) };
      }),
    ),
  );
}

/** Posts what a scenario returns, or that it failed. */
export async function report(name: string, run: () => Promise<unknown>): Promise<void> {
  const outcome = await run().catch((error: unknown) => `failed: ${String(error)}`);
  await fetch("/result", { method: "POST", body: JSON.stringify({ name, outcome }) });
}

/** A login by SCRAM, and one with a wrong password. */
async function loginByScram(path: string): Promise<unknown> {
  await using connection = await connect(path);
  const enter = (password: string): Promise<{ callRemote(name: "whoami"): Promise<Uint8Array> }> =>
    login(connection, new UsernamePassword("alice", password), null, { minimum: "scram-sha-256" }) as never;
  const refused = await enter("wrong").catch((error: unknown) => (error as Error).name);
  const avatar = await enter("secret");
  return [new TextDecoder().decode(await avatar.callRemote("whoami")), refused];
}

/** What runs in each place: `page`, `worker`, `shared worker` and `iframe`. */
export async function runClient(place: string): Promise<void> {
  const transport = `WebSocket from ${place === "iframe" ? "an" : "a"} ${place}`;
  await runContracts(
    transport,
    ({ path }) =>
      (broker) =>
        connect(path, { broker }),
  );
  const { path } = contracts.find((row) => row.transport === transport && row.variant === "portal")!;
  await report(`SCRAM login, ${place}`, () => loginByScram(path));
}
