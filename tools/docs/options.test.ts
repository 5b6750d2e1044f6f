// Every function and class of all packages that takes options refuses a name that it does not know. The list of them is
// read from the API reports, so that a new one has to be added here.

import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { BananaWriter, decoderStream, decode, encode, encoderStream, inspect, Scanner, Session } from "@pb/banana";
import * as broker from "@pb/broker";
import { BrokerConfig } from "@pb/broker/extension";
import { connectedPair, linkPair } from "@pb/broker/testing";
import * as cluster from "@pb/cluster";
import { natsEngine } from "@pb/cluster/nats";
import * as cred from "@pb/cred";
import { copyType, jelly, Jellier, TypeRegistry, unjelly, Unjellier } from "@pb/jelly-types";
import { Live } from "@pb/live";
import * as net from "@pb/node-transport";
import { observeConnections, openTelemetry } from "@pb/telemetry";
import { Admin, listenAdmin } from "@pb/node-transport/admin";
import * as transport from "../../packages/transport/src/index.js";
import * as web from "@pb/web-transport";
import * as webNode from "@pb/web-transport/node";
import { afterAll, expect, test } from "vitest";
import { publicPackages } from "../checks/workspace.js";

class Service extends broker.Root {
  async *remote_numbers(): AsyncGenerator<number> {
    yield 1;
  }
}

type Options = any;

const service = new Service();
const types = new TypeRegistry();
const pair = await connectedPair({ root: service });
const node = new cluster.Cluster({ engine: new cluster.MemoryEngine(), node: "a" });
const board = node.live("board", {});
afterAll(async () => {
  await node.close();
  await pair.close();
});
const root = await pair.client.getRootObject<Service>();
const dial: transport.Dial = () => Promise.reject(new Error("not dialed"));
const realm: cred.Realm = { requestAvatar: () => Promise.reject(new Error("no avatar")) };
const here = "tcp:0:interface=127.0.0.1";

const config = new BrokerConfig({ root: service });

async function using(use: (client: transport.ReconnectingClient) => unknown): Promise<unknown> {
  const client = new transport.ReconnectingClient(dial);
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

/** For each name in a report: its use with options. */
const users: Readonly<Record<string, (options: Options) => unknown>> = {
  "banana decode": (options) => decode(encode(1), options),
  "banana encode": (options) => encode(1, options),
  "banana inspect": (options) => inspect(encode(1), options),
  "banana decoderStream": (options) => decoderStream(options),
  "banana encoderStream": (options) => encoderStream(options),
  "banana BananaWriter": (options) => new BananaWriter(options),
  "banana ElementWriter": (options) => new BananaWriter(options),
  "banana Scanner": (options) => new Scanner(options),
  "banana Session": (options) => new Session({ role: "listener", send: () => undefined, ...options }),
  "broker Broker": (options) => new broker.Broker(linkPair().listener, options),
  "broker BrokerConfig": (options) => new BrokerConfig(options),
  "broker BrokerConfig.of": (options) => BrokerConfig.of(options),
  "broker asLocal": (options) => broker.asLocal(service, options),
  "broker connectedPair": (options) => connectedPair(options),
  "broker linkPair": (options) => linkPair(options),
  "broker CacheObserver.with": (options) => root.with(options),
  "broker RemoteReference.with": (options) => root.with(options),
  "broker RemoteStream.with": async (options) => {
    const stream = await root.callRemote("numbers");
    try {
      return stream.with(options);
    } finally {
      stream[Symbol.dispose]();
    }
  },
  "broker Reference.with": (options) => broker.asLocal<Service>(service).with(options),
  "cluster MemoryEngine": (options) => new cluster.MemoryEngine(options),
  "cluster natsEngine": (options) => natsEngine(options),
  "cred FilePasswordDB": (options) => new cred.FilePasswordDB({ load: () => "" } as never, options),
  "cred InMemoryUsernamePasswordChecker": (options) => new cred.InMemoryUsernamePasswordChecker({}, options),
  "cred login": (options) => cred.login(pair.client, new cred.Anonymous(), null, options),
  "cred PasswordChecker": (options) => new cred.PasswordChecker({ find: () => undefined, stores: [], ...options }),
  "cred Portal": (options) => new cred.Portal(realm, [], options),
  "cred Portal.disconnect": (options) => new cred.Portal(realm, []).disconnect("ann", options),
  "cred ScramVerifier.of": (options) => cred.ScramVerifier.of("secret", options),
  "jelly-types copyType": (options) => copyType("shop.Service", Service, options),
  "jelly-types Jellier": (options) => new Jellier(new BananaWriter(), options),
  "jelly-types jelly": (options) => jelly(1, options),
  "jelly-types Unjellier": (options) => new Unjellier(options),
  "jelly-types unjelly": (options) => unjelly(1, options),
  "jelly-types TypeRegistry.registerCopy": (options) => types.registerCopy("shop.Service", Service, options),
  "jelly-types TypeRegistry.registerCopyTree": (options) =>
    types.registerCopyTree("shop", { Service }, Service, options),
  "cluster Cluster": (options) => new cluster.Cluster({ engine: new cluster.MemoryEngine(), node: "a", ...options }),
  "cluster ClusterLive.with": (options) => board.with(options),
  "live Live": (options) => new Live({}, options),
  "node-transport Admin": (options) => new Admin({ servers: [], ...options }),
  "node-transport listenAdmin": (options) => listenAdmin("/nowhere/admin.sock", { servers: [], ...options }),
  "node-transport connect": (options) => net.connect("tcp:127.0.0.1:1", options),
  "node-transport listen": (options) => net.listen(here, service, options),
  "node-transport reconnecting": (options) => net.reconnecting("tcp:127.0.0.1:1", options),
  "node-transport Server.close": async (options) => {
    const server = await net.listen(here, service);
    try {
      await server.close(options);
    } finally {
      await server.close();
    }
  },
  "telemetry observeConnections": (options) => observeConnections({ connections: [] }, options),
  "telemetry openTelemetry": (options) => openTelemetry(options),
  "transport watchOver": (options) => transport.watchOver(pair.client, { check: () => undefined } as never, options),
  "transport openBroker": (options) => transport.openBroker(linkPair().initiator, options),
  "transport ReconnectingClient.current": (options) => using((client) => client.current(options)),
  "transport ReconnectingClient.with": (options) => using((client) => client.with(options)),
  "transport ReconnectingClient.standing": (options) => using((client) => client.standing(() => undefined, options)),
  "transport LastingReference.current": (options) => using((client) => client.path("a").current(options)),
  "transport LastingReference.standing": (options) =>
    using((client) => client.path("a").standing(() => undefined, options)),
  "transport LastingReference.with": (options) => using((client) => client.path("a").with(options)),
  "transport ServerConnections": (options) => new transport.ServerConnections({ config, ...options }),
  "transport ServerConnections.close": (options) => new transport.ServerConnections({ config }).close(options),
  "transport ReconnectingClient": (options) => new transport.ReconnectingClient(dial, options),
  "web-transport accept": (options) =>
    web.accept(Object.assign(new EventTarget(), { close: () => undefined }) as never, service, options),
  "web-transport connect": (options) => web.connect("ws://127.0.0.1:1", options),
  "web-transport listen": (options) => web.listen(new MessageChannel().port1, service, options),
  "web-transport reconnecting": (options) => web.reconnecting("ws://127.0.0.1:1", options),
  "web-transport WebServer": (options) => new web.WebServer(service, options),
  "web-transport WebServer.close": (options) => new web.WebServer(service).close(options),
  "web-transport attach": (options) => webNode.attach(createServer(), service, options),
  "web-transport listen in Node": async (options) => (await webNode.listen("ws:0", service, options)).close(),
  "web-transport gateway": (options) =>
    webNode.gateway({ listen: "ws://127.0.0.1:0", to: "tcp:127.0.0.1:1", ...options }),
};

/** Errors. */
const errors = /Error$|^DuplicateLogin$|^LoginDenied$|^LoginFailed$|^UnauthorizedLogin$|^UnhandledCredentials$/;

/** What gets options that a function above has checked, or among other members. */
const others: ReadonlySet<string> = new Set([
  "broker MemoryLink",
  "broker OutgoingGraph",
  "broker RemoteCaller",
  "broker RemoteCaller.check",
  "broker RemoteCaller.inherit",
  "broker RemoteCaller.optionsOf",
  "broker startDeadline",
  "broker withDeadline",
  "node-transport checkSocketOptions",
  "node-transport openSocket",
  "node-transport serverContextOptions",
  "transport completeLiveness",
  "transport Standing",
  "transport serverConnections",
  "transport withDefaultWatcher",
  "web-transport Gateway",
  "web-transport NodeWebServer",
  "web-transport WebSocketLink",
]);

/** The names of what takes options, from the API reports. */
function takers(): string[] {
  const found = new Set<string>();
  const packages = new URL("../../packages/", import.meta.url);
  for (const { folder: name } of publicPackages(fileURLToPath(new URL("../../", import.meta.url))))
    for (const file of readdirSync(new URL(`${name}/api/`, packages))) {
      let owner = "";
      for (const line of readFileSync(new URL(`${name}/api/${file}`, packages), "utf8").split("\n")) {
        owner = /^export (?:abstract )?(?:class|interface) (\w+)/.exec(line)?.[1] ?? (line === "}" ? "" : owner);
        if (!/[(,] ?\w+\??: [^,]*Options\b/.test(line) || /readonly|protected/.test(line)) continue;
        const member = /^ *(?:export function |static )?(\w+)/.exec(line)![1]!;
        const taker = owner === "" ? member : member === "constructor" ? owner : `${owner}.${member}`;
        if (!errors.test(taker)) found.add(`${name} ${taker}`);
      }
    }
  return [...found];
}

test("the list is complete", () => {
  expect(takers().filter((taker) => !(taker in users) && !others.has(taker))).toEqual([]);
});

const unknown = { nosuchOption: 1 };

test.each(Object.entries(users))("%s refuses an unknown option", async (_name, use) => {
  const attempt = async (): Promise<unknown> => use(unknown);
  await expect(attempt()).rejects.toThrow(TypeError);
  await expect(attempt()).rejects.toThrow(/There is no (liveness )?option "nosuchOption": (expected|did you mean)/);
});

/** Values of all kinds. */
const odd: Readonly<Record<string, unknown>> = {
  NaN,
  "-1": -1,
  Infinity,
  text: "5",
  true: true,
  list: [],
  object: {},
  function: () => undefined,
  null: null,
  bigint: 5n,
  symbol: Symbol("odd"),
};

/** The options that accept values of a kind. What a server or a client would begin with such a value is not tested. */
const accepting: Readonly<Record<string, RegExp>> = {
  Infinity:
    /(Ms|Bytes|PerAddress|PerConnection|PerName|PerNameEverywhere|Iterations)$|^(attempts|calls(Running|Waiting)|connections|depth|factor|iterations|keptAnswers|messagesPerTurn|names|negotiating|references|strangers|streams|underWay)$/,
  text: /^(address|delim|node|path|prefix|servers)$/,
  true: /^(allowUnencryptedToken|candidate|caseSensitive|credit|errorCopies|errorMessages|extensions|idempotent|isPublic|isRecorded|once|subclasses|traceReferences|trustAnonymous|unsafeTracebacks|untilCredentialsChange)$/,
  list: /^(aliases|dialects|idempotent|methods|origins|portals|servers|stores|trustProxies)$/,
  object:
    /^(backoff|banana|broker|connect|copy|errorClasses|exactness|heap|limits|liveness|logins|platform|policy|sameUser|telemetry|tls)$/,
  function:
    /^(afterRead|attributes|canonical|connect|create|describeError|find|getState|hash|ignore|incoming|inspectOffer|isFinal|login|on[A-Z]\w*|outgoing|parse|persistentLoad|persistentStore|send|setState)$/,
  null: /^signal$/,
};

/** Options with options of their own. `broker` and `copy` have those of a broker, which are tested above. */
const nesting = /^(backoff|banana|exactness|limits|liveness|logins|policy|sameUser|telemetry)$/;

/** Endpoints have errors of their own, and a cursor can be anything. */
const anything = /^(cursor|listen|to)$/;

async function refusal(use: (options: Options) => unknown, options: Options): Promise<Error | undefined> {
  try {
    await use(options);
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

/** The names of the options that `use` takes, which the error for an unknown one lists. */
async function optionsOf(use: (options: Options) => unknown): Promise<string[]> {
  const error = await refusal(use, unknown);
  return /"nosuchOption": expected one of (.+)$/.exec(error?.message ?? "")?.[1]!.split(", ") ?? [];
}

/** The lists of options in options that were tested: many functions have the same. */
const seen = new Set<string>();

/** What is wrong about the refusals of wrong values. */
async function faults(use: (options: Options) => unknown, where = ""): Promise<string[]> {
  const names = await optionsOf(use);
  const found = names.length === 0 ? [`${where} has no options`] : [];
  for (const name of names.filter((one) => !anything.test(one))) {
    const path = `${where}.${name}`;
    for (const [what, value] of Object.entries(odd)) {
      if (accepting[what]?.test(name) === true) continue;
      const error = await refusal(use, { [name]: value });
      if (error instanceof TypeError && error.message.includes(name)) continue;
      found.push(`${path}: ${what} ${error === undefined ? "is accepted" : `gives ${String(error)}`}`);
    }
    if (!nesting.test(name)) continue;
    const nested = (options: Options): unknown => use({ [name]: options });
    const inner = (await optionsOf(nested)).join();
    // A `policy` of values and `sameUser` in `logins` have no options.
    if (inner === "" || seen.has(inner)) continue;
    seen.add(inner);
    found.push(...(await faults(nested, path)));
  }
  return found;
}

test.each(Object.entries(users))("%s names an option with a wrong value", async (_name, use) => {
  expect(await faults(use)).toEqual([]);
});
