// Replays sessions recorded between two Twisted programs, with our broker as the client: it must send the same bytes as
// Twisted's client.

import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { none } from "@pb/banana";
import { getPages, kwargs, Referenceable, RemoteError } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import {
  CalendarDate,
  DateTime,
  Decimal,
  FrozenSet,
  InsecureJellyError,
  TimeDelta,
  TimeOfDay,
  tuple,
} from "@pb/jelly-types";
import { brokerAndPeer, rejection, settled } from "../support/raw-peer.js";
import { outcomeOf, replaySession, readCases, transcripts } from "../support/transcripts.js";
import type { Deviation, ReplayPlan, Replay } from "../support/transcripts.js";
import { JellyErr, PointCopy, Unknown, UnknownCounter, vecOptions } from "../support/recorded-classes.js";
import type { CounterCopy } from "../support/recorded-classes.js";

/** The actions of a client program. Returns the outcome that the recording notes. */
type Script = (root: RemoteReference, replay: Replay) => Promise<unknown>;

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const md5 = (...parts: (Uint8Array | string)[]): Uint8Array =>
  Uint8Array.from(parts.reduce((hash, part) => hash.update(part), createHash("md5")).digest());

async function login(
  root: RemoteReference,
  username: unknown,
  password: string,
  mind: unknown = null,
): Promise<RemoteReference> {
  const [challenge, challenger] = (await root.callRemote("login", username)) as [Uint8Array, RemoteReference];
  const answer = challenger.callRemote("respond", md5(md5(password), challenge), mind);
  challenger[Symbol.dispose]();
  return answer as Promise<RemoteReference>;
}

class Ping extends Referenceable {
  remote_ping(value: number): number {
    return value + 1;
  }
}

const valuesOfEveryType: unknown[] = [
  null,
  true,
  0,
  -1,
  2 ** 31,
  -(2 ** 31) - 1,
  1n << 100n,
  1.5,
  bytes("bytes"),
  "text",
  [1],
  tuple(1),
  { k: 1 },
  new Set([1]),
  new FrozenSet([1]),
  new DateTime(2020, 1, 2, 3, 4, 5, 6),
  new CalendarDate(2020, 1, 2),
  new TimeOfDay(3, 4),
  new TimeDelta(1, 2, 3),
  new Decimal(-150, -2),
];

const oneCall =
  (name: string, ...args: unknown[]): Script =>
  (root) =>
    outcomeOf(root.callRemote(name, ...args));

const scripts: Partial<Record<string, Script>> = {
  "login success": async (root) => {
    const avatar = await login(root, bytes("alice"), "secret");
    const outcome = await outcomeOf(avatar.callRemote("whoami"));
    avatar[Symbol.dispose]();
    return outcome;
  },
  "login wrong password": async (root) => {
    const outcome = await outcomeOf(login(root, bytes("alice"), "wrong"));
    await login(root, bytes("alice"), "secret");
    return outcome;
  },
  "login str username is refused": (root) => outcomeOf(login(root, "alice", "secret")),
  "login anonymous": async (root) => {
    const avatar = (await root.callRemote("loginAnonymous", null)) as RemoteReference;
    return outcomeOf(avatar.callRemote("whoami"));
  },
  "login password refused by anonymous-only portal": (root) => outcomeOf(login(root, bytes("alice"), "secret")),
  "login with mind": async (root) => {
    const avatar = await login(root, bytes("alice"), "secret", new Ping());
    return outcomeOf(avatar.callRemote("askmind", 41));
  },
  "login respond without mind": async (root) => {
    const [challenge, challenger] = (await root.callRemote("login", bytes("alice"))) as [Uint8Array, RemoteReference];
    return outcomeOf(challenger.callRemote("respond", md5(md5("secret"), challenge)));
  },
  "logout by disconnect": async (root, { broker }) => {
    await login(root, bytes("alice"), "secret");
    await broker.close();
  },
  "viewable call": async (root) => {
    const avatar = await login(root, bytes("alice"), "secret");
    const view = (await avatar.callRemote("viewed")) as RemoteReference;
    return outcomeOf(view.callRemote("whoami", 1, kwargs({ k: "w" })));
  },
  "viewable same object twice": async (root) => {
    const avatar = await login(root, bytes("alice"), "secret");
    const one = (await avatar.callRemote("sameviewed")) as RemoteReference;
    const other = (await avatar.callRemote("sameviewed")) as RemoteReference;
    expect(one).toBe(other);
    return { state: "ok", luids: [one.id, other.id] };
  },
  "simple call": oneCall("echo", 1),
  "echo of every basic type": async (root) => {
    for (const value of valuesOfEveryType) expect(await root.callRemote("echo", value)).toEqual(value);
    return null;
  },
  "no arguments, method name in the vocabulary": oneCall("None"),
  "pbanswer False": (root) => {
    root.sendRemote("show", 1);
    root.sendRemote("verr", "swallowed");
    root.sendRemote("nosuch");
    return outcomeOf(root.callRemote("echo", "after"));
  },
  "answers out of order": async (root) => {
    const [first, second] = [outcomeOf(root.callRemote("later")), outcomeOf(root.callRemote("later"))];
    expect(await root.callRemote("echo", "sync")).toBe("sync");
    return { first: await first, second: await second };
  },
  "no such method": oneCall("nosuch"),
  "pb.Error subclass, synchronous": oneCall("perr", "message text"),
  "pb.Error subclass, asynchronous": oneCall("perr_async", "message text"),
  "ordinary exception, asynchronous": oneCall("verr_async", "bad value"),
  "ordinary exception, unsafeTracebacks": async (root) => {
    const error = (await rejection(root.callRemote("verr", "tb"))) as RemoteError;
    expect(error.traceback).toMatch(/^Traceback \(most recent call last\):\n[^]*builtins\.ValueError: tb\n$/);
    return { state: "failure" };
  },
  "Jellyable pb.Error": async (root) => {
    const error = (await rejection(root.callRemote("jerr", 42))) as JellyErr;
    expect(error).toBeInstanceOf(JellyErr);
    const attributes = {
      t: "dict",
      v: [
        [
          { t: "str", v: "code" },
          { t: "int", v: String(error.code) },
        ],
      ],
    };
    return { state: "failure", attributes };
  },
  // The peer never sent this id. A program cannot obtain such a reference, so the test forces it.
  "unsendable answer kills the connection": oneCall("type", "big"),
  copyable: async (root) => {
    const point = (await root.callRemote("point")) as PointCopy;
    expect(point).toBeInstanceOf(PointCopy);
    const attributes = [
      [
        { t: "str", v: "x" },
        { t: "int", v: String(point.x) },
      ],
      [
        { t: "str", v: "y" },
        { t: "int", v: String(point.y) },
      ],
    ];
    return { state: "ok", attributes: { t: "dict", v: attributes } };
  },
  "copyable shared in one answer": async (root) => {
    const [one, other] = (await root.callRemote("points")) as [PointCopy, PointCopy];
    return { state: "ok", same_object: one === other };
  },
  "copyable in a cycle": async (root) => {
    const point = (await root.callRemote("pointcycle")) as PointCopy;
    return { state: "ok", resolved: (point.y as unknown[])[0] === point };
  },
  "unknown copyable as argument": oneCall("echo", new Unknown()),
  "unknown copyable in an answer": async (root, replay) => {
    const other = root.callRemote("later");
    await expect(root.callRemote("unknown")).rejects.toBeInstanceOf(InsecureJellyError);
    await replay.ended();
    await replay.broker.close();
    return { this_call: { state: "pending" }, other_call: await outcomeOf(other) };
  },
  "referenceable argument and callback": oneCall("callback", new Ping(), 41),
  "referenceable kept then dropped by the server": async (root) => {
    await root.callRemote("keep", new Ping());
    await root.callRemote("drop");
    return null;
  },
  "root reference goes home": (root) => outcomeOf(root.callRemote("ischild", root)),
  "cacheable life cycle": async (root, replay) => {
    const counter = (await root.callRemote("counter")) as CounterCopy;
    await replay.reached(8);
    const seen = counter.value;
    counter[Symbol.dispose]();
    await replay.reached(10);
    expect(await root.callRemote("counter")).toMatchObject({ value: 7 });
    return { value_seen: seen, observe_answer: { state: "ok", value: { t: "int", v: "8" } } };
  },
  "cacheable twice in one answer, first time": async (root) => {
    const [one, other] = (await root.callRemote("counters")) as CounterCopy[];
    one?.[Symbol.dispose]();
    return { same_object: one === other };
  },
  "cacheable re-sent as cached": async (root) => {
    const counter = (await root.callRemote("counter")) as CounterCopy;
    const [one, other] = (await root.callRemote("counters")) as CounterCopy[];
    expect([one, other]).toEqual([counter, counter]);
    counter[Symbol.dispose]();
    return null;
  },
  "observe crosses decache": async (root, replay) => {
    const counter = (await root.callRemote("counter")) as CounterCopy;
    replay.link.hold();
    counter[Symbol.dispose]();
    await replay.reached(9);
    replay.link.release();
    return { state: "ok", value: { t: "int", v: "10" } };
  },
  "cachemessage from stoppedObserving": async (root, replay) => {
    ((await root.callRemote("counter")) as CounterCopy)[Symbol.dispose]();
    await replay.reached(9);
    return null;
  },
  "disconnect with a live cache": async (root, { broker }) => {
    await root.callRemote("counter");
    await broker.close();
    return null;
  },
  "unknown cacheable as argument desynchronises": async (root) => {
    const counter = new UnknownCounter(5);
    const first = await outcomeOf(root.callRemote("echo", counter));
    return { first, second: await outcomeOf(root.callRemote("echo", counter)) };
  },
  paging: pages,
  "paging, empty string": pages,
  "dialect none session": async (root) => {
    expect(await root.callRemote("echo", [null])).toEqual([null]);
    await expect(root.callRemote("nosuch")).rejects.toBeInstanceOf(RemoteError);
    return null;
  },
};

async function pages(root: RemoteReference, replay: Replay): Promise<unknown> {
  const data = replay.transcript.name === "paging" ? bytes("abcdefghijklmnopqrstuvwxy") : new Uint8Array();
  const received: string[] = [];
  for await (const page of getPages(root, "pages", data, 10)) {
    received.push(Buffer.from(page as Uint8Array).toString("hex"));
  }
  return { answer: { state: "ok", value: { t: "str", v: "started" } }, pages: [received] };
}

/** The intended differences between our client and Twisted's. */
const deviations: Partial<Record<string, Deviation[]>> = {
  "unknown copyable in an answer": [
    {
      message: 7,
      staysOpen: true,
      why: "an answer that cannot be read rejects only its own call; in Twisted that call stays pending (trap 3)",
    },
  ],
};

/**
 * Sessions in which the recorder itself was the client: it sent bytes that no Twisted client sends, or called an object
 * by an id that the server had not sent.
 */
const rawSessions: readonly string[] = transcripts
  .filter(({ name }) => name.startsWith("raw: "))
  .map(({ name }) => name)
  .concat("kwargs keys as bytes from the peer", "insecure argument", "version mismatch", "unknown luid");

describe("our client with a recorded server", () => {
  const played = transcripts.filter(({ name }) => !rawSessions.includes(name));

  test.each(played.map((transcript) => [transcript.name, transcript] as const))("%s", async (name, transcript) => {
    const script = scripts[name];
    if (script === undefined) throw new Error("This session has no script for our client");
    const options = name === "dialect none session" ? { ...vecOptions, dialects: [none] } : vecOptions;
    const outcome = await replaySession(
      transcript,
      "client",
      (): ReplayPlan => ({
        options,
        deviations: deviations[name],
        marks: {
          "client reference counts": (recorded: object, broker) =>
            expect(broker.stats().referencesGiven).toBe(Object.keys(recorded).length),
          "client cache counts": (recorded: object, broker) =>
            expect(broker.stats().cachesGiven).toBe(Object.keys(recorded).length),
        },
      }),
      async (replay) => script(await replay.broker.getRootObject(), replay),
    );
    expect(outcome ?? null).toEqual(withoutPythonDetails(transcript.outcome));
  });

  test("every recorded session has a script or is known to have no client program", () => {
    expect(transcripts).toHaveLength(57);
    expect(Object.keys(scripts)).toHaveLength(57 - rawSessions.length);
    expect(rawSessions.filter((name) => !transcripts.some((transcript) => transcript.name === name))).toEqual([]);
  });
});

/**
 * The recorded outcome without details that exist only in Python: the class of a Failure, and the text of a lost
 * connection.
 */
function withoutPythonDetails(outcome: unknown): unknown {
  if (typeof outcome !== "object" || outcome === null || Array.isArray(outcome)) return outcome;
  const entries = Object.entries(outcome).filter(([key]) => key !== "failure_class");
  const recorded = Object.fromEntries(entries.map(([key, value]) => [key, withoutPythonDetails(value)])) as Record<
    string,
    unknown
  >;
  if (recorded.type !== "twisted.spread.pb.PBConnectionLost") return recorded;
  return { state: recorded.state, type: recorded.type };
}

interface TrunkFailure {
  readonly name: string;
  readonly hex: string;
}

describe("failures in the format of newer Twisted versions", () => {
  test.each(readCases<TrunkFailure>("pb-trunk-failures.json"))("$name", async ({ name, hex }) => {
    const { peer, broker } = await brokerAndPeer("initiator");
    const call = rejection((await broker.getRootObject()).callRemote("fails"));
    await settled();
    await peer.sendBytes(Buffer.from(hex, "hex"));
    const error = (await call) as RemoteError;
    expect(error).toBeInstanceOf(RemoteError);
    expect(error.message).toBe("msg");
    expect(error.is("builtins.Exception")).toBe(true);
    if (name.includes("pb.Error")) {
      expect(error.remoteType).toBe("vec.Err");
      expect(error.is("twisted.spread.pb.Error")).toBe(true);
    } else {
      expect(error.remoteType).toBe("builtins.ValueError");
    }
    if (name.includes("unsafeTracebacks")) expect(error.traceback).toMatch(/^Traceback \(most recent call last\):\n/);
    else expect(error.traceback).toBeUndefined();
    expect(Object.keys(error)).not.toContain("_frames");
    expect(broker.isOpen).toBe(true);
  });
});
