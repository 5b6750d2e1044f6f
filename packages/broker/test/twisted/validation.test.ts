// Schemas and an unmodified Twisted peer: what it sends is checked, and it can trap the refusal.

import { fileURLToPath } from "node:url";
import { describe, expect, inject, test } from "vitest";
import { z } from "zod";
import { Broker, kwargs, Referenceable } from "@pb/broker";
import { contract, dateTime, reference, tupleOf } from "@pb/broker/schema";
import type { Accepts } from "@pb/broker/schema";
import { Program } from "../../../../tools/process/program.js";
import { pythonEnvironment } from "../../../../tools/twisted/twisted.js";
import { TestLink } from "../support/socket-link.js";

const script = fileURLToPath(new URL("../../../../tools/interop/peers/pb_server.py", import.meta.url));

class Target extends Referenceable {
  static readonly accepts: Accepts<Target> = { ping: [z.number().max(10)], fail: [z.string().min(5)] };

  remote_ping(n: number): number {
    return n + 1;
  }
  remote_fail(message: string): string {
    return message;
  }
  remote_hidden(): string {
    return "hidden";
  }
}

const root = contract({
  add: { args: [z.number(), z.number()], kwargs: z.object({ c: z.number().optional() }), returns: z.number() },
  show: { args: [z.unknown()], returns: tupleOf(tupleOf(z.number()), z.object({})) },
  echo: { args: [z.unknown()], returns: dateTime },
  get_child: { returns: reference<{ ping: (n: number) => number }>() },
  call_back: { args: [z.instanceof(Target), z.unknown()], returns: tupleOf(z.literal("called"), z.number()) },
  call_back_error: { args: [z.instanceof(Target), z.string()], returns: tupleOf(z.string(), z.string()) },
});

describe.each(inject("twisteds"))("Twisted $version", (twisted) => {
  const command = [twisted.python, script, "root", "0", "--log", "--lifetime", "600"] as const;

  test("is checked in both directions", async () => {
    await using server = new Program("Twisted's server", command, { env: pythonEnvironment() });
    const { listening } = await server.nextJson<{ listening: number }>();
    const broker = new Broker(await TestLink.connect(listening), { validate: "required" });
    const remote = (await broker.getRootObject()).as(root);

    expect(await remote.call.add(1, 2)).toBe(3);
    expect(await remote.call.add(1, 2, kwargs({ c: 3 }))).toBe(6);
    const [[shown]] = await remote.call.show(5);
    expect(shown).toBe(5);
    const child = await remote.call.get_child();
    expect(await child.callRemote("ping", 1)).toBe(2);
    await expect(remote.call.echo("text")).rejects.toThrow("echo() result: Expected a DateTime, got a string");

    const target = new Target();
    const [, answer] = await remote.call.call_back(target, 4);
    expect(answer).toBe(5);
    expect(await remote.call.call_back_error(target, "long enough")).toEqual(["no error", "'long enough'"]);
    const [type, message] = await remote.call.call_back_error(target, "no");
    expect(type).toBe("builtins.TypeError");
    expect(message).toMatch(/^fail\(\) argument 1: Too small/);
    await broker.close();
  });
});
