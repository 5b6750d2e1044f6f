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

/** The warnings of the process while something runs. */
async function warningsOf(run: () => Promise<void>): Promise<Error[]> {
  const warnings: Error[] = [];
  const hear = (warning: Error): void => {
    if (warning.name === "PBWarning") warnings.push(warning);
  };
  process.on("warning", hear);
  try {
    await run();
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.off("warning", hear);
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

describe("a fault in a method", () => {
  test("is a warning of the process, with its stack, where nobody watches; an error raised on purpose is none", async () => {
    const warnings = await warningsOf(() => callBoth());
    expect(warnings.map(({ message }) => message.split("\n")[0])).toEqual([
      "The remote method fault failed: TypeError: Cannot read properties of undefined (reading 'length')",
    ]);
    expect(warnings[0]?.message).toMatch(/at Faulty\.remote_fault/);
  });

  test("is told to the program's own watcher instead", async () => {
    const kinds: string[] = [];
    const warnings = await warningsOf(() => callBoth(({ kind }) => kinds.push(kind)));
    expect(warnings).toEqual([]);
    expect(kinds).toEqual(["method-failed", "closed"]);
  });
});

test("a fault in a watcher of a reconnecting client is a warning, too", async () => {
  const warnings = await warningsOf(async () => {
    const onState = () => {
      throw new Error("mine");
    };
    await reconnecting("tcp:127.0.0.1:1", { onState, signal: AbortSignal.abort() }).close();
  });
  const [told] = warnings.map(({ message }) => message.split("\n")[0]);
  expect(told).toBe("A callback of a connection failed: Error: mine");
});
