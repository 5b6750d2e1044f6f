/**
 * Twisted's own tests of errors over PB (twisted.spread.test.test_pbfailure), under the names that they have there,
 * except those that make sense only in Python. Each runs without and with tracebacks. `npm run checklist` puts them
 * into a table.
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
/** A registered class: it is sent as a copy. */
class JellyError extends PBError {
  static override readonly remoteType = "test.JellyError";
}
/** A registered class that does not extend PBError: it is sent as a copy. */
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
  ["without tracebacks", false],
  ["with tracebacks", true],
])("%s", (_title, unsafeTracebacks) => {
  /** Calls `method` and returns its error, and the events of the server about unexpected errors. */
  async function callAndReject(method: string, client: BrokerOptions = { types }) {
    const events: BrokerEvent[] = [];
    const onEvent = (event: BrokerEvent): void => void events.push(event);
    await using pair = await connectedPair({ root: new Thrower(), types, unsafeTracebacks, onEvent }, client);
    const root = await pair.client.getRootObject();
    const error = (await rejection(root.callRemote(method))) as RemoteError;
    return { error, reported: events.filter(({ kind }) => kind === "method-failed") };
  }

  function expectRemote(error: unknown, type: string, message: string): void {
    expect(error).toBeInstanceOf(RemoteError);
    expect(error).toMatchObject({ remoteType: type, message });
    const { traceback } = error as RemoteError;
    if (unsafeTracebacks) expect(traceback).toContain("checklist-failures.test");
    else expect(traceback).toBeUndefined();
  }

  test("PBFailureTests.test_asynchronousException: a rejected promise reaches the caller and is reported by the server", async () => {
    const { error, reported } = await callAndReject("asynchronousException");
    expectRemote(error, "test.AsynchronousException", "asynchronous exception");
    expect(reported).toHaveLength(1);
  });

  test("PBFailureTests.test_synchronousException: a thrown error reaches the caller and is reported by the server", async () => {
    const { error, reported } = await callAndReject("synchronousException");
    expectRemote(error, "test.SynchronousException", "synchronous exception");
    expect(reported).toHaveLength(1);
  });

  test("PBFailureTests.test_asynchronousError: a promise that rejects with a PBError is not reported", async () => {
    const { error, reported } = await callAndReject("asynchronousError");
    expectRemote(error, "test.AsynchronousError", "asynchronous error");
    expect(reported).toEqual([]);
  });

  test("PBFailureTests.test_synchronousError: a thrown PBError is not reported", async () => {
    const { error, reported } = await callAndReject("synchronousError");
    expectRemote(error, "test.SynchronousError", "synchronous error");
    expect(reported).toEqual([]);
  });

  test("PBFailureTests.test_jellyFailure: a PBError whose class is registered at both ends is sent as a copy", async () => {
    const { error } = await callAndReject("jelly");
    expect(error).toBeInstanceOf(JellyError);
  });

  test("PBFailureTests.test_deferredJellyFailure: a promise that rejects with a registered PBError sends it as a copy", async () => {
    const { error } = await callAndReject("deferredJelly");
    expect(error).toBeInstanceOf(JellyError);
  });

  test("PBFailureTests.test_unjellyableFailure: a PBError whose class is not registered is sent with its full class name as bytes", async () => {
    const { peer } = await brokerAndPeer("listener", { root: new Thrower(), unsafeTracebacks });
    await peer.send("(message 1 root synchronousError 1 (tuple) (dictionary))");
    expect(peer.received()[0]).toContain("((unicode type) test.SynchronousError)");
    const { error } = await callAndReject("synchronousError");
    expect(error.remoteType).toBe("test.SynchronousError");
  });

  test("PBFailureTests.test_unknownFailure: an error whose class the caller does not know arrives as a RemoteError", async () => {
    const { error } = await callAndReject("asynchronousException", {});
    expectRemote(error, "test.AsynchronousException", "asynchronous exception");
  });

  test("PBFailureTests.test_securityFailure: an error of a registered class is sent as a copy, whatever it extends", async () => {
    const { error } = await callAndReject("security");
    expect(error).toBeInstanceOf(SecurityError);
    expect(error).not.toBeInstanceOf(UnknownCopy);
  });

  test("PBFailureTests.test_deferredSecurity: a promise that rejects with an error of a registered class sends it as a copy", async () => {
    const { error } = await callAndReject("deferredSecurity");
    expect(error).toBeInstanceOf(SecurityError);
  });

  test("PBFailureTests.test_noSuchMethodFailure: a missing method rejects with NoSuchMethod and is not reported by the server", async () => {
    const { error, reported } = await callAndReject("nosuch");
    expect(error).toMatchObject({ remoteType: "twisted.spread.flavors.NoSuchMethod" });
    expect(error.is("builtins.AttributeError")).toBe(true);
    expect(reported).toEqual([]); // a peer must not be able to fill the log
  });

  test("PBFailureTests.test_copiedFailureLogging: a received error can be printed", async () => {
    const { error } = await callAndReject("asynchronousException");
    expect(inspect(error)).toContain("asynchronous exception");
    expect(inspect(error)).toContain("test.AsynchronousException");
  });

  test("PBFailureTests.test_throwExceptionIntoGenerator: awaiting the call throws an error with all details from the peer", async () => {
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

test("FailureJellyingTests.test_unjelliedFailureCheck: a received error matches the names of its class and of its base classes", async () => {
  class FailingRoot extends Root {
    remote_fail(): never {
      throw new Special("x");
    }
  }
  await using pair = await connectedPair({ root: new FailingRoot() });
  const error = (await rejection((await pair.client.getRootObject()).callRemote("fail"))) as RemoteError;
  expect(["test.Special", "test.AsynchronousException", "builtins.Exception"].map((type) => error.is(type))).toEqual([
    true,
    true,
    true,
  ]);
  expect(error.is("builtins.ValueError")).toBe(false);
});

test("FailureJellyingTests.test_twiceUnjelliedFailureCheck: an error that was passed on by another peer matches them too", async () => {
  await using pair = await connectedPair({ root: new Thrower() });
  const root = await pair.client.getRootObject<Thrower>();
  const error = (await rejection(root.callRemote("passOn", new Thrower()))) as RemoteError;
  expect(error.is("test.AsynchronousException")).toBe(true);
  expect(error.message).toBe("asynchronous exception");
});

test("Needed.framesOfNewerTwisted: failures with the frames that newer Twisted versions send are read, including their back-references", async () => {
  const { peer, broker } = await brokerAndPeer("initiator");
  const call = rejection((await broker.getRootObject()).callRemote("fails"));
  await settled();
  const entries = [
    "((unicode type) builtins.ValueError)",
    "((unicode value) (unicode msg))",
    "((unicode _frames) (reference 1 (list (tuple (unicode f) (unicode 'a.py') 1 (list) (list)))))",
    "((unicode again) (dereference 1))",
  ];
  await peer.send(`(error 1 (twisted.spread.pb.CopyableFailure (dictionary ${entries.join(" ")})))`);
  expect(await call).toMatchObject({ remoteType: "builtins.ValueError", message: "msg" });
});
