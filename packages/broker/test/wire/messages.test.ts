// Messages that are valid in an unusual form, or that reject only their own call (wire specification 5.12).

import { describe, expect, test } from "vitest";
import { RemoteError } from "@pb/broker";
import type { BrokerEvent } from "@pb/broker";
import { brokerAndPeer, rejection, settled } from "../support/raw-peer.js";
import { latin, Echo, bytesOf } from "../support/invalid-input.js";

describe("an invalid message that affects only its own call", () => {
  const refused: readonly (readonly [what: string, args: string, type: string])[] = [
    ["an unknown type", "(tuple (os.system ls))", "twisted.spread.jelly.InsecureJelly"],
    ["a type that the default policy rejects", "(tuple (module os))", "twisted.spread.jelly.InsecureJelly"],
    ["a string that is not UTF-8", "(tuple (unicode <ff>))", "builtins.UnicodeDecodeError"],
    ["an empty list", "(tuple ())", "builtins.ValueError"],
    ["a list that begins with a number", "(1 2)", "builtins.ValueError"],
    ["an unknown cache", "(tuple (cached 7))", "builtins.KeyError"],
    ["an unknown cache of the receiver", "(tuple (lcache 7))", "builtins.KeyError"],
    ["a dereference of an unknown id", "(tuple (dereference 7))", "builtins.ValueError"],
    ["a remote object without a number", "(tuple (remote))", "builtins.ValueError"],
    ["a remote object with a name", "(tuple (remote root))", "builtins.ValueError"],
    ["a reference that is cut short", "(tuple (reference 1))", "builtins.ValueError"],
    ["an unhashable key", "(tuple (dictionary ((list) 1)))", "builtins.TypeError"],
    ["positional arguments that are a number", "5", "builtins.TypeError"],
    ["positional arguments that are text", "(unicode text)", "builtins.TypeError"],
    ["positional arguments that are a dictionary", "(dictionary)", "builtins.TypeError"],
  ];

  test.each(refused)("%s in the arguments is answered with an error", async (_what, args, type) => {
    const root = new Echo();
    const { broker, peer } = await brokerAndPeer("listener", { root });
    await peer.send(`(message 1 root echo 1 ${args} (dictionary))`);
    const [reply, ...more] = peer.received();
    expect(reply).toMatch(/^\(error 1 \(twisted\.spread\.pb\.CopyableFailure /);
    expect(reply).toContain(`((unicode type) ${type})`);
    expect(more).toEqual([]);
    expect(root.calls).toEqual([]);
    await peer.send("(message 2 root echo 1 (tuple alive) (dictionary))");
    expect(peer.received()).toEqual(["(answer 2 alive)"]);
    expect(broker.isOpen).toBe(true);
  });

  const keywords = [
    ["a number", "5"],
    ["a list", "(list)"],
    ["a list with one element", "(list (unicode a))"],
    ["a set", "(set)"],
    ["a tuple", "(tuple)"],
    ["text", "(unicode a)"],
    ["None", "(None)"],
    ["an unknown object of the peer's", "(remote 5)"],
    ["a date", "(date '2020 1 2')"],
    ["a dictionary with numbers as names", "(dictionary (1 2))"],
    ["a dictionary with a name that is not UTF-8", "(dictionary (<ff> 2))"],
    ["an unknown type", "(os.system ls)"],
  ] as const;

  test.each(keywords)("keyword arguments that are %s are answered with an error", async (_what, kwargs) => {
    const root = new Echo();
    const { peer } = await brokerAndPeer("listener", { root });
    await peer.send(`(message 1 root echo 1 (tuple 1) ${kwargs})`);
    const releases = kwargs === "(remote 5)" ? ["(decref 5)"] : [];
    expect(peer.received()).toEqual([expect.stringMatching(/^\(error 1 /), ...releases]);
    expect(root.calls).toEqual([]);
    await peer.send("(message 2 root echo 1 (tuple alive) (dictionary))");
    expect(peer.received()).toEqual(["(answer 2 alive)"]);
  });

  const targets = [
    ["an unknown id", "77"],
    ["an id beyond the safe integers", "170141183460469231731687303715884105728"],
    ["a negative number", "-1"],
    ["an unpublished name", "klingon"],
    ["a name that is not UTF-8", "<ff>"],
    ["the name of a property of every object", "constructor"],
    ["a jellied name", "(unicode root)"],
    ["a list", "(1)"],
    ["a float", "1.5"],
    ["an empty name", "''"],
  ] as const;

  const long = `(${"7 ".repeat(10_000)})`;
  test("a call to a list of more than 16 KiB is answered with an error", async () => {
    const { peer } = await brokerAndPeer("listener", { root: new Echo() });
    await peer.send(
      `(message 1 ${long} echo 1 (tuple) (dictionary))`,
      `(cachemessage 2 ${long} echo 1 (tuple) (dictionary))`,
    );
    await peer.send("(message 3 root echo 1 (tuple alive) (dictionary))");
    const errors = [expect.stringMatching(/^\(error 1 /), expect.stringMatching(/^\(error 2 /)];
    expect(peer.received()).toEqual([...errors, "(answer 3 alive)"]);
  });

  test("a long list as answer flag means true", async () => {
    const { peer } = await brokerAndPeer("listener", { root: new Echo() });
    await peer.send(`(message 1 root echo ${long} (tuple 1) (dictionary))`);
    expect(peer.received()).toEqual(["(answer 1 1)"]);
  });

  test.each(targets)("a call to %s is answered with an error", async (_what, target) => {
    const { peer, broker } = await brokerAndPeer("listener", { root: new Echo() });
    await peer.send(`(message 1 ${target} echo 1 (tuple) (dictionary))`);
    const [reply] = peer.received();
    expect(reply).toMatch(/^\(error 1 /);
    expect(reply).toContain("'Invalid Object ID'");
    await peer.send(`(cachemessage 2 ${target} echo 1 (tuple) (dictionary))`);
    expect(peer.received()).toEqual([expect.stringMatching(/^\(error 2 .*builtins\.KeyError/)]);
    expect(broker.isOpen).toBe(true);
  });

  test("didNotUnderstand is reported to onEvent and has no other effect", async () => {
    const events: BrokerEvent[] = [];
    const { peer, broker } = await brokerAndPeer("listener", { onEvent: (event) => events.push(event) });
    await peer.send("(didNotUnderstand bogus)", [bytesOf("didNotUnderstand"), new Array<number>(100_000).fill(7)]);
    expect(events).toEqual([
      { kind: "not-understood", what: "bogus" },
      { kind: "not-understood", what: "a list of more than 16 KiB" },
    ]);
    expect(broker.isOpen).toBe(true);
  });

  const undecodable = ["(vec.Unknown (dictionary))", "(unicode <ff>)", "(cached 9)", "()", "(1 2)"];

  test.each(undecodable)("an answer %s rejects its own call only", async (jelly) => {
    const { peer, broker } = await brokerAndPeer("initiator");
    const root = await broker.getRootObject();
    const [bad, good] = [rejection(root.callRemote("bad")), root.callRemote("good")];
    await settled();
    await peer.send(`(answer 1 ${jelly})`, "(answer 2 fine)");
    expect(await bad).toBeInstanceOf(Error);
    expect(await good).toEqual(latin("fine"));
    expect(broker.isOpen).toBe(true);
  });

  test.each([...undecodable, "(unicode text)", "(None)", "5", "(list)"])(
    "an error %s that is not a failure rejects its own call only",
    async (jelly) => {
      const { peer, broker } = await brokerAndPeer("initiator");
      const root = await broker.getRootObject();
      const [bad, good] = [rejection(root.callRemote("bad")), root.callRemote("good")];
      await settled();
      await peer.send(`(error 1 ${jelly})`, "(answer 2 fine)");
      expect(await bad).toBeInstanceOf(Error);
      expect(await good).toEqual(latin("fine"));
      expect(broker.isOpen).toBe(true);
    },
  );

  test.each([
    ["(dictionary)", "builtins.Exception", ""],
    ["(dictionary ((unicode type) vec.Err))", "vec.Err", ""],
    ["(dictionary ((unicode type) (unicode vec.Err)) ((unicode value) (unicode why)))", "vec.Err", "why"],
    ["(dictionary (type vec.Err) (value why) (parents (list vec.Err vec.Base)))", "vec.Err", "why"],
    ["(dictionary ((unicode type) 5) ((unicode value) (list)) ((unicode parents) 7))", "builtins.Exception", ""],
    ["(None)", "builtins.Exception", ""],
    ["5", "builtins.Exception", ""],
  ])("a failure with the state %s is a RemoteError", async (state, type, message) => {
    const { peer, broker } = await brokerAndPeer("initiator");
    const call = rejection((await broker.getRootObject()).callRemote("bad"));
    await settled();
    await peer.send(`(error 1 (twisted.spread.pb.CopyableFailure ${state}))`);
    const error = (await call) as RemoteError;
    expect(error).toBeInstanceOf(RemoteError);
    expect(error.remoteType).toBe(type);
    expect(error.message).toBe(message);
    expect(error.is(type)).toBe(true);
  });
});

describe("values that the caller may choose freely", () => {
  test.each(["1", "-5", "req", "(1 x)", "()", "1.5", "2.0", "''", "123456789012345678901234567890", "<ff00>"])(
    "a request id of %s is returned unchanged",
    async (id) => {
      const { peer } = await brokerAndPeer("listener", { root: new Echo() });
      await peer.send(`(message ${id} root echo 1 (tuple 1) (dictionary))`);
      expect(peer.received()).toEqual([`(answer ${id} 1)`]);
      await peer.send(`(message ${id} root nothing 1 (tuple) (dictionary))`);
      expect(peer.received()).toEqual([expect.stringContaining(`(error ${id} (twisted`)]);
    },
  );

  test.each([
    ["0", false],
    ["''", false],
    ["()", false],
    ["0.0", false],
    ["-0.0", false],
    ["1", true],
    ["2", true],
    ["-1", true],
    ["0.5", true],
    ["no", true],
    ["(0)", true],
    ["123456789012345678901234567890", true],
  ])("the answer flag is a truth value: %s means %s", async (wanted, isAnswered) => {
    const root = new Echo();
    const { peer } = await brokerAndPeer("listener", { root });
    await peer.send(`(message 1 root echo ${wanted} (tuple 1) (dictionary))`);
    expect(peer.received()).toEqual(isAnswered ? ["(answer 1 1)"] : []);
    expect(root.calls).toEqual([1]);
    await peer.send(`(message 2 root nothing ${wanted} (tuple 1) (dictionary))`);
    expect(peer.received()).toHaveLength(isAnswered ? 1 : 0);
    await peer.send(`(message 3 nobody nothing ${wanted} (tuple 1) (dictionary))`);
    expect(peer.received()).toHaveLength(isAnswered ? 1 : 0);
  });

  test("positional arguments may be a tuple, a list or a set", async () => {
    const { peer } = await brokerAndPeer("listener", { root: new Echo() });
    for (const args of ["(tuple 1)", "(list 1)", "(set 1)", "(frozenset 1)", "(reference 1 (tuple 1))"]) {
      await peer.send(`(message 1 root echo 1 ${args} (dictionary))`);
      expect(peer.received()).toEqual(["(answer 1 1)"]);
    }
  });
});
