// Contracts: `reference.as(contract(…))` gives types to the methods of an object and checks its results.

import * as v from "valibot";
import { expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { asLocal, kwargs, Referenceable, Root } from "@pb/broker";
import type { Kwargs, Reference } from "@pb/broker";
import { bytes, contract, dateTime, integer, reference, tupleOf } from "@pb/broker/schema";
import { connectedPair } from "@pb/broker/testing";
import { DateTime, tuple } from "@pb/jelly-types";

class Thing extends Referenceable {
  remote_name(): string {
    return "thing";
  }
}

/** Stands for a server without types. */
class Server extends Root {
  remote_find(text: string, options?: Kwargs): unknown {
    return [text, (options as { limit?: number } | undefined)?.limit ?? 0];
  }
  remote_row(): unknown {
    return tuple(new DateTime(2026, 1, 2), new Uint8Array([1, 2]), new Thing(), 2n ** 70n);
  }
  remote_liar(): unknown {
    return { items: [{ price: "free" }] };
  }
}

const serverContract = contract({
  find: {
    args: [z.string()],
    kwargs: z.object({ limit: z.number().optional() }),
    returns: v.tuple([v.string(), v.number()]),
  },
  row: { returns: tupleOf(dateTime, bytes({ max: 2 }), reference<Thing>(), integer()) },
  liar: { returns: z.object({ items: z.array(z.object({ price: z.number() })) }) },
  plain: [z.string(), z.number().optional()],
  slow: { returns: z.string().refine((text) => Promise.resolve(text === "x")) },
  missing: { returns: z.string() },
});

async function withServer(run: (root: Reference) => Promise<void>): Promise<void> {
  await using pair = await connectedPair({ root: new Server() });
  await run(await pair.client.getRootObject());
  await run(asLocal(new Server()));
}

test("calls through a contract have the types and the values of its schemas", async () => {
  await withServer(async (root) => {
    const server = root.as(serverContract);
    const found = await server.call.find("x", kwargs({ limit: 3 }));
    expectTypeOf(found).toEqualTypeOf<[string, number]>();
    expect(found).toEqual(["x", 3]);
    expect(await server.callRemote("find", "x")).toEqual(["x", 0]);
    const [when, data, thing, large] = await server.call.row();
    expectTypeOf(when).toEqualTypeOf<DateTime>();
    expectTypeOf(thing).toEqualTypeOf<Reference<Thing>>();
    expect(when.year).toBe(2026);
    expect(data).toEqual(new Uint8Array([1, 2]));
    expect(large).toBe(2n ** 70n);
    expect(await thing.callRemote("name")).toBe("thing");
    expect(await root.with({ timeoutMs: 60_000 }).as(serverContract).call.find("y")).toEqual(["y", 0]);
  });
});

test("a result that its schema refuses rejects with the path", async () => {
  await withServer(async (root) => {
    await expect(root.as(serverContract).call.liar()).rejects.toMatchObject({
      name: "ResultError",
      code: "CALL_BAD_RESULT",
      message: expect.stringMatching(/^liar\(\) result: \.items\[0\]\.price: /) as unknown,
    });
    await expect(root.as(serverContract).call.missing()).rejects.toMatchObject({ name: "RemoteError" });
  });
});

test("methods and schemas that are wrong", async () => {
  await withServer(async (root) => {
    const server = root.as(serverContract);
    await expect(server.callRemote("other" as "find", "x")).rejects.toThrow(/^The contract has no method other$/);
    await expect(server.callRemote("constructor" as "find", "x")).rejects.toThrow(/has no method constructor$/);
    expect(() => contract({ find: "x" } as never)).toThrow(/^contract: find must be a list of schemas/);
    expect(() => contract({ find: true } as never)).toThrow(TypeError);
    const compiled = (): void => {
      // @ts-expect-error the argument is a text
      void server.call.find(5);
      // @ts-expect-error the method is not in the contract
      void server.callRemote("other");
      void server.call.plain("a", 1);
      void server.call.plain("a");
      // @ts-expect-error the first argument is missing
      void server.call.plain();
    };
    expect(compiled).toBeTypeOf("function");
  });
});

test.each([undefined, null, 5, NaN, "find", true, [], [["find", []]], new Map([["find", []]]), () => ({})])(
  "a contract is not %o",
  (methods) => {
    expect(() => contract(methods as never)).toThrow(
      new TypeError("contract: the methods must be an object: { name: [schema] }"),
    );
  },
);

test.each([undefined, null, 5, NaN, "text", true, { arg: [] }, { args: 5 }, { returns: "text" }, [5], () => 1])(
  "a method of a contract is not %o, and the error names the method",
  (method) => {
    expect(() => contract({ find: method } as never)).toThrow(
      expect.objectContaining({ name: "TypeError", message: expect.stringContaining("find") }),
    );
  },
);
