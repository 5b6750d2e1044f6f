// Twisted's own tests of local calls and of security options (twisted.spread.test.test_pb) under the names that they
// have there.

import type { RemoteError } from "@pb/broker";
import { asLocal } from "@pb/broker";
import { BrokerConfig } from "@pb/broker/extension";
import { connectedPair } from "@pb/broker/testing";
import { SecurityPolicy } from "@pb/jelly-types";
import { expect, test } from "vitest";
import { rejection } from "../support/raw-peer.js";
import { Desk, open } from "../support/checklist-desk.js";

// Utilities and security options

test("SpreadUtilTests.test_async: a local object can be called like a remote one", async () => {
  using local = asLocal<any>(new Desk({ add: (a: number, b: number) => a + b }));
  expect(await local.callRemote("add", 1, 2)).toBe(3);
});

test("SpreadUtilTests.test_asyncFail: a call of a local object rejects when the method throws", async () => {
  using local = asLocal<any>(
    new Desk({
      fail: () => {
        throw new Error("no");
      },
    }),
  );
  await expect(local.callRemote("fail")).rejects.toThrow("no");
});

test("SpreadUtilTests.test_remoteMethod: a method of a local object can be used as a function", async () => {
  using local = asLocal<any>(new Desk({ add: (a: number, b: number) => a + b }));
  const { add } = local.call;
  expect(await add!(1, 2)).toBe(3);
});

const refused = ["set", "frozenset"];

const strict = SecurityPolicy.standard.refuseTypes(...refused);

test("PBWithSecurityOptionsTests.test_clientDefaultSecurityOptions: a client has the default policy", async () => {
  expect(new BrokerConfig().policy).toBeUndefined();
  const { desk } = await open({ get: () => new Set([1]) });
  expect(await desk.callRemote("get")).toEqual(new Set([1]));
});

test("PBWithSecurityOptionsTests.test_serverDefaultSecurityOptions: a server has the default policy", async () => {
  const { desk, root } = await open();
  await desk.callRemote("take", new Set([1]));
  expect(root.taken).toEqual([new Set([1])]);
});

test("PBWithSecurityOptionsTests.test_clientSecurityCustomization: a client accepts only what its policy allows", async () => {
  const pair = await connectedPair({ root: new Desk({ get: () => new Set([1]) }) }, { policy: strict });
  const desk = await pair.client.getRootObject();
  await expect(desk.callRemote("get")).rejects.toMatchObject({ name: "InsecureJellyError" });
});

test("PBWithSecurityOptionsTests.test_serverSecurityCustomization: a server accepts only what its policy allows", async () => {
  const pair = await connectedPair({ root: new Desk(), policy: strict });
  const desk = await pair.client.getRootObject();
  const error = (await rejection(desk.callRemote("take", new Set([1])))) as RemoteError;
  expect(error.remoteType).toBe("twisted.spread.jelly.InsecureJelly");
});
