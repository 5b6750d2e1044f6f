// Mistakes in the setup of nodes: two with one name, and wrong secrets.

import { Avatar, Root } from "@pb/broker";
import { BearerToken, BearerTokenChecker, login, Portal } from "@pb/cred";
import { MemoryEngine } from "@pb/cluster";
import type { NodeAvatar } from "@pb/cluster";
import { ReconnectingClient } from "@pb/transport";
import { expect, test } from "vitest";
import { until } from "../../../../tools/process/program.js";
import { connectTo, serve } from "../../../transport/test/support/memory-network.js";
import { TestCluster } from "../support/nodes.js";
import type { TestNode } from "../support/nodes.js";

const taken = { name: "ClusterError", code: "CLUSTER_NAME_TAKEN", message: expect.stringContaining("the name a:") };

test("two running nodes with one name both report it, once, and go on", async () => {
  const cluster = new TestCluster();
  const nodes = [await cluster.start("a"), await cluster.start("a"), await cluster.start("b")] as const;
  await until(() => nodes[0].errors.length > 0 && nodes[1].errors.length > 0, "both have noticed it");
  nodes[1].engine.disconnect();
  nodes[1].engine.reconnect();
  await nodes[0].cluster.close();
  await nodes[1].list.with({ once: true }).callRemote("add", 1);
  await until(() => nodes[2].list.revision === 1, "they go on");
  expect(nodes.map(({ errors }) => errors)).toEqual([
    [expect.objectContaining(taken)],
    [expect.objectContaining(taken)],
    [],
  ]);
});

test("what is not of a node is reported, and the node goes on", async () => {
  const cluster = new TestCluster();
  const node = await cluster.startHome("a");
  new MemoryEngine({ server: cluster.server }).send("name.node.a", new TextEncoder().encode("null"));
  await until(() => node.errors.length > 0, "it is reported");
  expect(node.errors).toEqual([expect.any(TypeError)]);
  expect(await node.list.call.add(1)).toBe(1);
});

test("a node that is started again reports nothing, unless the old one was only frozen", async () => {
  const cluster = new TestCluster();
  const old = await cluster.start("a");
  old.engine.freeze();
  const next = await cluster.start("a", {}, false);
  old.engine.expireLeases();
  await until(() => next.list.isHome, "the next one has taken over");
  await next.list.call.add(1);
  expect(next.errors).toEqual([]);
  old.engine.thaw();
  await until(() => old.errors.length > 0 && next.errors.length > 0, "both have noticed it");
  expect([...old.errors, ...next.errors]).toMatchObject([taken, taken]);
});

class User extends Avatar {}

test("a login ends the older one on another node with the same name, too", async () => {
  const cluster = new TestCluster();
  const enter = async ({ cluster: node }: TestNode) => {
    const checker = new BearerTokenChecker((token) => token);
    const realm = { requestAvatar: () => ({ avatar: new User() }) };
    const { connections, network } = serve(new Portal(realm, [checker], { policy: { bearer: "any" } }));
    node.oneLoginPerUser(connections);
    const connection = await connectTo(network);
    await login(connection, new BearerToken("ann"), null, { allowUnencryptedToken: true });
    return connection;
  };
  const first = await enter(await cluster.start("a"));
  await enter(await cluster.start("a"));
  expect((await first.closed).reason).toBe("replaced");
});

test("a node that refuses the login of another one is named, once, and asked again when it has started again", async () => {
  const cluster = new TestCluster();
  let [secret, attempts] = ["wrong", 0];
  const connect = (address: string): ReconnectingClient<NodeAvatar> => {
    const checker = new BearerTokenChecker((token) => (token === "right" ? "node" : undefined));
    const realm = { requestAvatar: () => ({ avatar: cluster.nodes.get(address)!.cluster.avatar }) };
    const { network } = serve(new Portal(realm, [checker], { policy: { bearer: "any" } }));
    return new ReconnectingClient<NodeAvatar>(network.dial(), {
      login: (connection) => {
        attempts++;
        return login<NodeAvatar>(connection, new BearerToken(secret), null, { allowUnencryptedToken: true });
      },
      backoff: { firstMs: 1, highestMs: 1 },
      liveness: false,
    });
  };
  const home = await cluster.startHome("a");
  home.cluster.presence("online");
  const { list, errors, cluster: refused } = await cluster.start("b", { candidate: false, connect });
  const { live: online } = refused.presence("online"); // It tells its home the members of b, and tries again.
  await online.ready();
  const refusal = {
    name: "ClusterError",
    code: "CLUSTER_NODE_REFUSED",
    message: expect.stringMatching(/^The node a refuses the login of the node b: .*\. Do their secrets differ\?$/),
    cause: { code: "LOGIN_UNAUTHORIZED" },
  };
  for (const once of [false, true, false]) {
    await expect(online.with({ once }).callRemote("change", "b", {}, true)).rejects.toMatchObject(refusal);
    await expect(list.with({ once }).callRemote("add", 1)).rejects.toMatchObject(refusal);
  }
  expect(attempts).toBe(1);
  expect(errors).toMatchObject([refusal]);
  await home.cluster.close();
  secret = "right";
  await cluster.startHome("a");
  expect(await list.with({ once: true }).callRemote("add", 1)).toBe(1);
  expect([home.homes[0]!.ran, errors.length]).toEqual([0, 1]);
});

test("hooks see the object and the method of a call between nodes, and no names that nothing has", async () => {
  const cluster = new TestCluster();
  const home = await cluster.startHome("a");
  const seen: unknown[] = [];
  const outgoing = ({ method }: { readonly method: string }): undefined => void seen.push(["calls", method]);
  const incoming = ({ type, method }: { readonly type?: string | undefined; readonly method?: string | undefined }) =>
    void seen.push(["called", type, method]);
  class Gate extends Root {
    remote_enter(): NodeAvatar {
      return home.cluster.avatar;
    }
  }
  const { network } = serve(new Gate(), { broker: { telemetry: { incoming } } });
  const connect = (): ReconnectingClient<NodeAvatar> =>
    new ReconnectingClient<NodeAvatar>(network.dial({ telemetry: { outgoing } }), {
      login: async (connection) => (await connection.getRootObject<Gate>()).callRemote("enter"),
      liveness: false,
    });
  const { list } = await cluster.start("b", { candidate: false, connect });
  await list.callRemote("add", 1);
  await expect(list.callRemote("invented" as "add", 1)).rejects.toMatchObject({ remoteType: expect.any(String) });
  const names = seen.filter((name) => JSON.stringify(name).includes("the list"));
  expect(names).toEqual([
    ["calls", "the list/add"],
    ["called", "the list", "add"],
    ["calls", "the list/invented"],
    ["called", "the list", undefined],
  ]);
});
