// Programs of different versions (see the guide), one end of which is Twisted, with or without txpb.

import { Copyable, kwargs, PBError, Referenceable, RemoteCopy, remoteCopy, RemoteError } from "@pb/broker";
import { connect } from "@pb/node-transport";
import { TypeRegistry } from "@pb/jelly-types";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { Program } from "../process/program.js";
import { pythonEnvironment } from "../twisted/twisted.js";
import { rejection } from "../../packages/broker/test/support/raw-peer.js";

const script = fileURLToPath(new URL("peers/evolution.py", import.meta.url));
const txpb = fileURLToPath(new URL("../../packages/txpb/src", import.meta.url));

class FruitCopy extends RemoteCopy {
  declare readonly name: string;
  declare readonly state?: string;
}

class SoldOut extends PBError {
  static override readonly remoteType = "shop.SoldOut";
}

/** What our end sends: `type` is the name of the class on the wire. */
class Fruit extends Copyable {
  constructor(
    readonly type: string,
    readonly state: object,
  ) {
    super();
  }
  override getTypeToCopy(): string {
    return this.type;
  }
  override getStateToCopyFor(): object {
    return this.state;
  }
}

/** An object of ours that the Python end calls. */
class Shop extends Referenceable {
  static readonly parameters = { strict: ["name", "*", "count?"] };

  remote_old = (): Fruit => new Fruit("shop.Fruit", { name: "apple" });
  remote_field = (): Fruit => new Fruit("shop.Fruit", { name: "apple", state: "frozen" });
  remote_renamed = (): Fruit => new Fruit("shop.Produce", { name: "kale" });
  remote_strict = (name: string, count = 1): string => `${count} ${name}`;
}

const types1 = new TypeRegistry().register(remoteCopy("shop.Fruit", FruitCopy));
const types2 = new TypeRegistry()
  .register(remoteCopy("shop.Fruit", FruitCopy))
  .register(remoteCopy("shop.Produce", FruitCopy));

const kinds = inject("twisteds").flatMap(({ version, python }) =>
  ["stock", "txpb"].map((kind) => ({ kind, version, python })),
);

describe.each(kinds)("Twisted $version, $kind", ({ kind, python }) => {
  const programs: Program[] = [];
  const ports: number[] = [];

  beforeAll(async () => {
    const env = { ...pythonEnvironment(), PYTHONPATH: txpb };
    for (const version of ["1", "2"]) programs.push(new Program("a shop", [python, script, version, kind], { env }));
    for (const program of programs) ports.push(Number(await program.nextLine()));
  });
  afterAll(() => Promise.all(programs.map((program) => program.stop())));

  async function shop(version: 1 | 2, types: TypeRegistry) {
    const broker = { types, errorClasses: { "shop.SoldOut": SoldOut }, onEvent: () => undefined };
    const connection = await connect(`tcp:127.0.0.1:${ports[version - 1]!}`, { broker });
    return { connection, root: await connection.getRootObject() };
  }

  test("a newer server: an older client gets the fields and the errors that it knows, and no new class", async () => {
    const { connection, root } = await shop(2, types1);
    const fruit = (await root.callRemote("buy", "apple")) as FruitCopy;
    expect(Object.fromEntries(Object.entries(fruit))).toEqual({ name: "1 apple", state: "frozen" });
    expect(await rejection(root.callRemote("buy", "plum"))).toMatchObject({
      constructor: SoldOut,
      cause: { remoteType: expect.stringContaining("NotInSeason") as string },
    });
    expect(await rejection(root.callRemote("buy", "kale"))).toMatchObject({ code: "JELLY_NOT_ALLOWED" });
    expect(connection.isOpen).toBe(true); // Only that call has failed.
    await connection.close();
  });

  test("an older server: a newer client reads old names, and the errors for what the server does not have", async () => {
    const { connection, root } = await shop(1, types2);
    expect({ ...((await root.callRemote("buy", "apple")) as object) }).toEqual({ name: "apple" });
    for (const more of [[3], [kwargs({ gift: true })]])
      expect(await rejection(root.callRemote("buy", "apple", ...more))).toMatchObject({
        remoteType: "builtins.TypeError",
      });
    expect(await rejection(root.callRemote("prices"))).toMatchObject({
      constructor: RemoteError,
      remoteType: "twisted.spread.flavors.NoSuchMethod",
    });
    // A new class in the arguments of a call fails that call only.
    expect(await rejection(root.callRemote("buy", new Fruit("shop.Produce", {})))).toMatchObject({
      remoteType: "twisted.spread.jelly.InsecureJelly",
    });
    expect(connection.isOpen).toBe(true);
    await connection.close();
  });

  test("the same versions understand each other", async () => {
    const { connection, root } = await shop(2, types2);
    const fruit = (await root.callRemote("buy", "apple", 3, kwargs({ gift: true }))) as FruitCopy;
    expect(fruit.name).toBe("3 apple as a gift");
    expect(await root.callRemote("buy", "kale")).toBeInstanceOf(FruitCopy);
    await connection.close();
  });

  test("an older Python program reads new fields, and loses the connection over a new class", async () => {
    for (const version of [1, 2] as const) {
      const { connection, root } = await shop(version, types2);
      const call = (name: string, ...args: unknown[]): Promise<unknown> =>
        root.callRemote("call", new Shop(), name, ...args);
      expect(await call("old")).toEqual(["Fruit", ["name"]]);
      expect(await call("field")).toEqual(["Fruit", ["name", "state"]]);
      expect(await call("strict", "apple", kwargs({ count: 2 }))).toEqual(["str", []]);
      expect(await call("strict", "apple", kwargs({ gift: true }))).toEqual(["error", "twisted.spread.pb.RemoteError"]);
      expect(await call("nothing")).toEqual(["error", "twisted.spread.pb.RemoteError"]);
      if (version === 2) expect(await call("renamed")).toEqual(["Fruit", ["name"]]);
      else {
        expect(await rejection(call("renamed"))).toMatchObject({ code: "CONNECTION_LOST" });
        expect((await connection.closed).reason).toBe("lost");
      }
      await connection.close();
    }
  });
});
