// Twisted's services: published objects and states, types of the program, failures and pings.

import {
  Broker,
  kwargs,
  MemoryStore,
  Publishable,
  Referenceable,
  RemoteError,
  RemotePublished,
  remotePublished,
} from "@pb/broker";
import { incomingGraph, outgoingGraph } from "@pb/broker/extension";
import type { BrokerOptions, RemoteReference } from "@pb/broker";
import { TypeRegistry } from "@pb/jelly-types";
import type { TypeHandler } from "@pb/jelly-types";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { Program } from "../../../../tools/process/program.js";
import { pythonEnvironment } from "../../../../tools/twisted/twisted.js";
import { TestLink } from "../support/socket-link.js";

class Almanac extends Publishable {
  static readonly remoteType: string = "test.Almanac";
  fetched = 0;

  getStateToPublishFor(): unknown {
    this.fetched++;
    return { moons: [7, "eight"] };
  }
}

class AlmanacCopy extends RemotePublished {
  declare readonly moons: unknown[];
  declare readonly fetched: number;
}

/** An object that is sent as a reference with a name. */
class Group extends Referenceable {
  constructor(readonly name: string) {
    super();
  }
  remote_name(): string {
    return this.name;
  }
}

class GroupReference {
  constructor(
    readonly name: string,
    readonly reference: RemoteReference,
  ) {}
}

const group: TypeHandler<Group> = {
  atoms: ["test.Group"],
  classes: [Group],
  identity: false,
  jelly(value, jellier) {
    const id = outgoingGraph(jellier, value).exportReference(value, value);
    jellier.writer.list(3);
    jellier.writer.word("test.Group");
    jellier.writer.text(value.name);
    jellier.writer.integer(id);
  },
  unjelly(unjellier, _items, atom) {
    const name = unjellier.reader.text();
    const id = Number(unjellier.reader.integer());
    return new GroupReference(name, incomingGraph(unjellier, atom).importReference(id) as RemoteReference);
  },
};

describe.each(inject("twisteds"))("with Twisted $version", ({ python }) => {
  let port: number;
  let server: Program;

  beforeAll(async () => {
    const script = fileURLToPath(new URL("twisted_services.py", import.meta.url));
    const cwd = mkdtempSync(join(tmpdir(), "pb-published-"));
    server = new Program("Twisted's server", [python, script, "--log"], { cwd, env: pythonEnvironment() });
    port = Number(await server.nextLine());
  });
  afterAll(() => server.stop());

  async function open(options: BrokerOptions = {}): Promise<Broker> {
    const broker = new Broker(await TestLink.connect(port), options);
    await broker.ready;
    return broker;
  }

  test("finds objects by name, also after they are replaced", async () => {
    await using connection = await open();
    const clock = await connection.getObject("clock");
    expect(await clock.callRemote("now")).toBe("noon");
    await (await connection.getRootObject()).callRemote("replaceClock", "midnight");
    expect(await clock.callRemote("now")).toBe("midnight");
  });

  test("publishes, replaces and withdraws objects while Twisted is connected", async () => {
    class Bell extends Referenceable {
      constructor(readonly sound: string) {
        super();
      }
      remote_ring(): string {
        return this.sound;
      }
    }
    await using connection = await open();
    const root = await connection.getRootObject();
    const ask = (): Promise<unknown> => root.callRemote("askNamed", "bell", "ring");
    await expect(ask()).rejects.toThrow("Invalid Object ID");
    connection.publish("bell", new Bell("ding"));
    expect(await ask()).toBe("ding");
    const second = connection.publish("bell", new Bell("dong"));
    expect(await ask()).toBe("dong");
    second[Symbol.dispose]();
    await expect(ask()).rejects.toThrow("Invalid Object ID");
  });

  test("finds methods that are added to live objects at either end, without reconnecting", async () => {
    class Learner extends Referenceable {}
    await using connection = await open();
    const root = await connection.getRootObject();
    const clock = await connection.getObject("clock");
    await expect(clock.callRemote("strike")).rejects.toThrow("No such method");
    await root.callRemote("learn", "strike");
    expect(await clock.callRemote("strike")).toBe("strike learned");

    const learner = new Learner();
    connection.publish("learner", learner);
    await expect(root.callRemote("askNamed", "learner", "sing")).rejects.toThrow("No such method: remote_sing");
    Object.assign(Learner.prototype, { remote_sing: () => "la" });
    expect(await root.callRemote("askNamed", "learner", "sing")).toBe("la");
    Object.assign(learner, { remote_sing: () => "louder" });
    expect(await root.callRemote("askNamed", "learner", "sing")).toBe("louder");
  });

  test("stores a state that Twisted publishes across connections, and fetches it again when it changed", async () => {
    const types = new TypeRegistry().register(remotePublished("test.Almanac", AlmanacCopy, new MemoryStore(), "test"));
    const get = async (): Promise<{ wasKept: boolean; moons: unknown; fetched: number }> => {
      await using connection = await open({ types });
      const root = await connection.getRootObject();
      const copy = (await root.callRemote("almanac")) as AlmanacCopy;
      await copy.activated;
      const { wasKept, moons, fetched } = copy;
      return { wasKept, moons, fetched };
    };
    expect(await get()).toEqual({ wasKept: false, moons: [1, "two"], fetched: 1 });
    expect(await get()).toEqual({ wasKept: true, moons: [1, "two"], fetched: 1 });
    await using connection = await open();
    await (await connection.getRootObject()).callRemote("republish");
    expect(await get()).toEqual({ wasKept: false, moons: [1, "two"], fetched: 2 });
  });

  test("publishes a state to Twisted, which stores it in a file", async () => {
    const almanac = new Almanac(`ours-${process.pid}`);
    const give = async (): Promise<unknown> => {
      await using connection = await open();
      return await (await connection.getRootObject()).callRemote("takeAlmanac", almanac);
    };
    expect({ ...((await give()) as object) }).toEqual({ moons: [7, "eight"], wasKept: false });
    expect({ ...((await give()) as object) }).toEqual({ moons: [7, "eight"], wasKept: true });
    expect(almanac.fetched).toBe(1);
    almanac.republish();
    expect({ ...((await give()) as object) }).toEqual({ moons: [7, "eight"], wasKept: false });
    expect(almanac.fetched).toBe(2);
  });

  test("exchanges a type of the program, a reference with a name, in both directions", async () => {
    await using connection = await open({ types: new TypeRegistry().register(group) });
    const root = await connection.getRootObject();
    const lobby = (await root.callRemote("group")) as GroupReference;
    expect(lobby.name).toBe("lobby");
    expect(await lobby.reference.callRemote("name")).toBe("lobby");
    expect(await root.callRemote("takeGroup", new Group("ours"))).toEqual(["ours", "ours"]);
  });

  test("leaves arguments that are undefined at the end, and keywords that are, to the defaults of Python", async () => {
    await using connection = await open();
    const { defaults } = (await connection.getRootObject()).call;
    expect(await defaults!(undefined)).toEqual(["you", 1, false]);
    expect(await defaults!("Ann", undefined, undefined)).toEqual(["Ann", 1, false]);
    expect(await defaults!("Ann", undefined, kwargs({ loud: true }))).toEqual(["Ann", 1, true]);
    expect(await defaults!("Ann", kwargs({ times: undefined, loud: true }))).toEqual(["Ann", 1, true]);
    expect(await defaults!(undefined, 2)).toEqual([null, 2, false]);
    expect(await defaults!("Ann", null)).toEqual(["Ann", null, false]);
  });

  test("sends a failure as an argument", async () => {
    await using connection = await open();
    const root = await connection.getRootObject();
    const error = new RemoteError({ type: "shop.SoldOut", message: "no apples", parents: ["shop.SoldOut"] });
    expect(await root.callRemote("takeFailure", error)).toEqual(["shop.SoldOut", "no apples"]);
  });

  test("pings without an entry in Twisted's log", async () => {
    await using connection = await open();
    const before = server.stderr;
    expect(await connection.ping()).toBeGreaterThan(0);
    connection.keepAlive();
    await connection.ping();
    expect(connection.latency()).toBeGreaterThan(0);
    expect(server.stderr.slice(before.length)).not.toMatch(/Traceback|Error|Peer will/);
  });
});
