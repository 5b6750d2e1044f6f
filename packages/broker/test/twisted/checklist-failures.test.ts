/**
 * What Twisted's own tests of errors over PB check (twisted.spread.test.test_pbfailure) and what makes sense outside Python, by the names they have
 * there: each without and with stacks that travel. `npm run checklist` puts them into a table.
 */
import { inspect } from "node:util";
import { PBError, RemoteError, Root } from "@pb/broker";
import type { BrokerEvent, BrokerOptions, RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry, UnknownCopy } from "@pb/jelly-types";
import { describe, expect, test } from "vitest";
import { brokerAndPeer, rejection, settled } from "../support/raw-peer.js";

class AsynchronousException extends Error {
  static readonly remoteType: string = "test.AsynchronousException";
}
class SynchronousException extends Error {
  static readonly remoteType = "test.SynchronousException";
}
class AsynchronousError extends PBError {
  static override readonly remoteType = "test.AsynchronousError";
}
class SynchronousError extends PBError {
  static override readonly remoteType = "test.SynchronousError";
}
/** Travels as itself: it is registered. */
class JellyError extends PBError {
  static override readonly remoteType = "test.JellyError";
}
/** Travels as itself although it is no PBError. */
class SecurityError extends Error {
  static readonly remoteType = "test.SecurityError";
}

const later = (error: Error): Promise<never> => Promise.resolve().then(() => Promise.reject(error));

class Thrower extends Root {
  remote_asynchronousException(): Promise<never> {
    return later(new AsynchronousException("asynchronous exception"));
  }
  remote_synchronousException(): never {
    throw new SynchronousException("synchronous exception");
  }
  remote_asynchronousError(): Promise<never> {
    return later(new AsynchronousError("asynchronous error"));
  }
  remote_synchronousError(): never {
    throw new SynchronousError("synchronous error");
  }
  remote_jelly(): never {
    throw new JellyError("jelly");
  }
  remote_deferredJelly(): Promise<never> {
    return later(new JellyError("jelly"));
  }
  remote_security(): never {
    throw new SecurityError("security");
  }
  remote_deferredSecurity(): Promise<never> {
    return later(new SecurityError("security"));
  }
  async remote_passOn(thrower: RemoteReference<Thrower>): Promise<void> {
    await thrower.callRemote("asynchronousException");
  }
}

const types = new TypeRegistry()
  .registerCopy("test.JellyError", JellyError)
  .registerCopy("test.SecurityError", SecurityError);

describe.each([
  ["without stacks", false],
  ["with stacks", true],
])("%s", (_title, unsafeTracebacks) => {
  /** The error of a call, and what the server's watcher heard. */
  async function fail(method: string, client: BrokerOptions = { types }) {
    const events: BrokerEvent[] = [];
    const onEvent = (event: BrokerEvent): void => void events.push(event);
    await using pair = await connectedPair({ root: new Thrower(), types, unsafeTracebacks, onEvent }, client);
    const root = await pair.client.getRootObject();
    const error = (await rejection(root.callRemote(method))) as RemoteError;
    return { error, faults: events.filter(({ kind }) => kind === "method-failed") };
  }

  function expectRemote(error: unknown, type: string, message: string): void {
    expect(error).toBeInstanceOf(RemoteError);
    expect(error).toMatchObject({ remoteType: type, message });
    const { traceback } = error as RemoteError;
    if (unsafeTracebacks) expect(traceback).toContain("checklist-failures.test");
    else expect(traceback).toBeUndefined();
  }

  test("PBFailureTests.test_asynchronousException: a promise that rejects reaches the caller, and is a fault here", async () => {
    const { error, faults } = await fail("asynchronousException");
    expectRemote(error, "test.AsynchronousException", "asynchronous exception");
    expect(faults).toHaveLength(1);
  });

  test("PBFailureTests.test_synchronousException: so does what is thrown", async () => {
    const { error, faults } = await fail("synchronousException");
    expectRemote(error, "test.SynchronousException", "synchronous exception");
    expect(faults).toHaveLength(1);
  });

  test("PBFailureTests.test_asynchronousError: a PBError of a promise is no fault", async () => {
    const { error, faults } = await fail("asynchronousError");
    expectRemote(error, "test.AsynchronousError", "asynchronous error");
    expect(faults).toEqual([]);
  });

  test("PBFailureTests.test_synchronousError: nor is one that is thrown", async () => {
    const { error, faults } = await fail("synchronousError");
    expectRemote(error, "test.SynchronousError", "synchronous error");
    expect(faults).toEqual([]);
  });

  test("PBFailureTests.test_jellyFailure: a PBError whose class both sides know travels as an object", async () => {
    const { error } = await fail("jelly");
    expect(error).toBeInstanceOf(JellyError);
  });

  test("PBFailureTests.test_deferredJellyFailure: also one of a promise", async () => {
    const { error } = await fail("deferredJelly");
    expect(error).toBeInstanceOf(JellyError);
  });

  test("PBFailureTests.test_unjellyableFailure: one that nobody registered has its full name, which travels as bytes", async () => {
    const { peer } = await brokerAndPeer("listener", { root: new Thrower(), unsafeTracebacks });
    await peer.say("(message 1 root synchronousError 1 (tuple) (dictionary))");
    expect(peer.heard()[0]).toContain("((unicode type) test.SynchronousError)");
    const { error } = await fail("synchronousError");
    expect(error.remoteType).toBe("test.SynchronousError");
  });

  test("PBFailureTests.test_unknownFailure: also where the caller has never heard of it", async () => {
    const { error } = await fail("asynchronousException", {});
    expectRemote(error, "test.AsynchronousException", "asynchronous exception");
  });

  test("PBFailureTests.test_securityFailure: an error that is allowed travels as an object, whatever it extends", async () => {
    const { error } = await fail("security");
    expect(error).toBeInstanceOf(SecurityError);
    expect(error).not.toBeInstanceOf(UnknownCopy);
  });

  test("PBFailureTests.test_deferredSecurity: also one of a promise", async () => {
    const { error } = await fail("deferredSecurity");
    expect(error).toBeInstanceOf(SecurityError);
  });

  test("PBFailureTests.test_noSuchMethodFailure: a method that does not exist is NoSuchMethod to the caller, and no fault here", async () => {
    const { error, faults } = await fail("nosuch");
    expect(error).toMatchObject({ remoteType: "twisted.spread.flavors.NoSuchMethod" });
    expect(error.is("builtins.AttributeError")).toBe(true);
    expect(faults).toEqual([]); // a stranger's wrong name must not fill the log
  });

  test("PBFailureTests.test_copiedFailureLogging: what was received can be printed", async () => {
    const { error } = await fail("asynchronousException");
    expect(inspect(error)).toContain("asynchronous exception");
    expect(inspect(error)).toContain("test.AsynchronousException");
  });

  test("PBFailureTests.test_throwExceptionIntoGenerator: awaiting the call throws, with everything the peer told", async () => {
    await using pair = await connectedPair({ root: new Thrower(), unsafeTracebacks });
    const root = await pair.client.getRootObject<Thrower>();
    try {
      await root.callRemote("asynchronousException");
      expect.unreachable();
    } catch (error) {
      expectRemote(error, "test.AsynchronousException", "asynchronous exception");
    }
  });
});

class Special extends AsynchronousException {
  static override readonly remoteType = "test.Special";
}

test("FailureJellyingTests.test_unjelliedFailureCheck: an error that travelled still is one of its class and of those above it", async () => {
  class Root1 extends Root {
    remote_fail(): never {
      throw new Special("x");
    }
  }
  await using pair = await connectedPair({ root: new Root1() });
  const error = (await rejection((await pair.client.getRootObject()).callRemote("fail"))) as RemoteError;
  expect(["test.Special", "test.AsynchronousException", "builtins.Exception"].map((type) => error.is(type))).toEqual([
    true,
    true,
    true,
  ]);
  expect(error.is("builtins.ValueError")).toBe(false);
});

test("FailureJellyingTests.test_twiceUnjelliedFailureCheck: also when it travelled twice", async () => {
  await using pair = await connectedPair({ root: new Thrower() });
  const root = await pair.client.getRootObject<Thrower>();
  const error = (await rejection(root.callRemote("passOn", new Thrower()))) as RemoteError;
  expect(error.is("test.AsynchronousException")).toBe(true);
  expect(error.message).toBe("asynchronous exception");
});

test("Needed.framesOfNewerTwisted: the frames that newer Twisteds send with errors of Deferreds are read, references and all", async () => {
  const { peer, broker } = await brokerAndPeer("initiator");
  const call = rejection((await broker.getRootObject()).callRemote("fails"));
  await settled();
  const entries = [
    "((unicode type) builtins.ValueError)",
    "((unicode value) (unicode msg))",
    "((unicode _frames) (reference 1 (list (tuple (unicode f) (unicode 'a.py') 1 (list) (list)))))",
    "((unicode again) (dereference 1))",
  ];
  await peer.say(`(error 1 (twisted.spread.pb.CopyableFailure (dictionary ${entries.join(" ")})))`);
  expect(await call).toMatchObject({ remoteType: "builtins.ValueError", message: "msg" });
});
