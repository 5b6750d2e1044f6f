import { describe, expect, test } from "vitest";
import { PBError, Root } from "@pb/broker";
import type { BrokerEvent } from "@pb/broker";
import { connect, listen, reconnecting } from "@pb/node-transport";

class Faulty extends Root {
  remote_fault(): unknown {
    return (undefined as unknown as { length: number }).length;
  }
  remote_refuse(): never {
    throw new PBError("no");
  }
}

/** The warnings of the process while `run` runs. */
async function warningsOf(run: () => Promise<void>): Promise<Error[]> {
  const warnings: Error[] = [];
  const collect = (warning: Error): void => {
    if (warning.name === "PBWarning") warnings.push(warning);
  };
  process.on("warning", collect);
  try {
    await run();
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.off("warning", collect);
  }
  return warnings;
}

async function callBoth(onEvent?: (event: BrokerEvent) => void): Promise<void> {
  await using server = await listen(
    "tcp:0:interface=127.0.0.1",
    new Faulty(),
    onEvent === undefined ? {} : { broker: { onEvent } },
  );
  await using connection = await connect({ type: "tcp", host: "127.0.0.1", port: server.port });
  const root = await connection.getRootObject<Faulty>();
  await expect(root.callRemote("fault")).rejects.toThrow("(message withheld)");
  await expect(root.callRemote("refuse")).rejects.toThrow("no");
}

describe("an error in a method", () => {
  test("becomes a warning of the process with its stack, unless it was thrown on purpose", async () => {
    const warnings = await warningsOf(() => callBoth());
    expect(warnings.map(({ message }) => message.split("\n")[0])).toEqual([
      "The remote method fault failed: TypeError: Cannot read properties of undefined (reading 'length')",
    ]);
    expect(warnings[0]?.message).toMatch(/at Faulty\.remote_fault/);
  });

  test("is reported to the program's own watcher instead", async () => {
    const kinds: string[] = [];
    const warnings = await warningsOf(() => callBoth(({ kind }) => kinds.push(kind)));
    expect(warnings).toEqual([]);
    expect(kinds).toEqual(["method-failed", "closed"]);
  });
});

test("an error in a watcher of a reconnecting client becomes a warning", async () => {
  const warnings = await warningsOf(async () => {
    const onState = () => {
      throw new Error("bug");
    };
    await reconnecting("tcp:127.0.0.1:1", { onState, signal: AbortSignal.abort() }).close();
  });
  const [warning] = warnings.map(({ message }) => message.split("\n")[0]);
  expect(warning).toBe("A callback of a connection failed: Error: bug");
});
