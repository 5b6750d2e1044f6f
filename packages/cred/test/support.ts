// Helpers of the tests: a realm that records its logins, minds, and connections with given properties.

import { Avatar, Broker, Referenceable } from "@pb/broker";
import type { BrokerEvent, BrokerOptions, Peer } from "@pb/broker";
import { linkPair } from "@pb/broker/testing";
import type { MemoryLink } from "@pb/broker/testing";
import {
  ANONYMOUS,
  InMemoryUsernamePasswordChecker,
  Md5Digest,
  PasswordChecker,
  Portal,
  UsernamePassword,
} from "@pb/cred";
import type { AvatarId, Login, LoginEvent, Mind, PortalOptions, Realm } from "@pb/cred";
import type { CredentialsChecker } from "@pb/cred/extension";
import { md5 } from "@noble/hashes/legacy.js";
import { onTestFinished } from "vitest";

export const alice = new UsernamePassword("alice", "secret");
export const bob = new UsernamePassword("bob", "hunter2");
export const wrongPassword = new UsernamePassword("alice", "wrong");

/** Iterations of SCRAM in tests: the minimum of RFC 7677, which is fast. */
export const iterations = 4096;

/** A checker for two users, with all logins. */
export const users = () => new InMemoryUsernamePasswordChecker({ alice: "secret", bob: "hunter2" }, { iterations });

/** A checker for the classic login only, as on a Twisted server. */
export const classicUsers = () =>
  new PasswordChecker({ stores: ["md5"], find: (name) => (name === "alice" ? Md5Digest.of("secret") : undefined) });

export class NamedAvatar extends Avatar {
  readonly name: string;
  readonly mind: Mind;

  constructor(name: string, mind: Mind) {
    super();
    this.name = name;
    this.mind = mind;
  }

  perspective_whoami() {
    return this.name;
  }

  async perspective_askMind(n: number) {
    return this.mind?.callRemote("ping", n);
  }
}

export class RecordingRealm implements Realm {
  readonly requests: [AvatarId, Mind, string[]][] = [];
  readonly loggedIn: string[] = [];
  readonly loggedOut: string[] = [];

  requestAvatar(avatarId: AvatarId, mind: Mind, ...interfaces: string[]): Login | Promise<Login> {
    this.requests.push([avatarId, mind, interfaces]);
    const name = avatarId === ANONYMOUS ? "anonymous" : avatarId;
    this.loggedIn.push(name);
    return {
      avatar: new NamedAvatar(name, mind),
      logout: () => {
        this.loggedIn.splice(this.loggedIn.indexOf(name), 1);
        this.loggedOut.push(name);
      },
    };
  }
}

export class RecordingMind extends Referenceable {
  readonly pings: number[] = [];

  remote_ping(n: number) {
    this.pings.push(n);
    return n + 1;
  }
}

/**
 * Two brokers with a link between them, which are closed after the test. `peer` and `clientPeer` override what each end
 * knows about the other.
 */
export function connectedBrokers(
  server: BrokerOptions,
  {
    peer = {},
    clientPeer = peer,
    client = {},
  }: { peer?: Partial<Peer>; clientPeer?: Partial<Peer>; client?: BrokerOptions } = {},
) {
  const links = linkPair();
  setPeer(links.listener, peer);
  setPeer(links.initiator, clientPeer);
  const ends = {
    server: new Broker(links.listener, inOneTurn(server)),
    client: new Broker(links.initiator, inOneTurn(client)),
    links,
  };
  onTestFinished(async () => {
    await Promise.all([ends.server.close(), ends.client.close()]);
  });
  return ends;
}

/** On a busy machine, reading would stop in the middle of a test, because the time of a turn is over. */
export function inOneTurn(options: BrokerOptions = {}): BrokerOptions {
  return { ...options, limits: { turnMs: Infinity, ...options.limits } };
}

function setPeer(link: MemoryLink, peer: Partial<Peer>): void {
  Object.assign(link, { peer: { ...link.peer, ...peer } });
}

/** A portal with a realm that records, and the events of both. */
export class LoginFixture {
  readonly realm: RecordingRealm;
  readonly events: LoginEvent[] = [];
  readonly brokerEvents: BrokerEvent[] = [];
  readonly portal: Portal;

  constructor(
    checkers: CredentialsChecker[] = [users()],
    options: PortalOptions = {},
    realm: RecordingRealm = new RecordingRealm(),
  ) {
    this.realm = realm;
    // No delay of failed logins, except in tests that set one.
    const limits = { failureMs: 0, ...options.limits };
    this.portal = new Portal(realm, checkers, { onEvent: (event) => this.events.push(event), ...options, limits });
  }

  connect(properties: Parameters<typeof connectedBrokers>[1] = {}) {
    return connectedBrokers({ root: this.portal, onEvent: (event) => this.brokerEvents.push(event) }, properties);
  }

  get mechanisms() {
    return this.events.flatMap((event) => (event.kind === "login" ? [event.mechanism] : []));
  }
}

/** The error with which a promise rejects. */
export async function errorOf(promise: Promise<unknown>): Promise<any> {
  return promise.then(
    (value) => {
      throw new Error("Expected the promise to reject", { cause: value });
    },
    (error: unknown) => error,
  );
}

/** Waits until pending messages have been delivered. */
export async function deliverPending(turns = 50): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await Promise.resolve();
  await new Promise((resolve) => setTimeout(resolve, 0));
}

/** The response to a challenge of the classic login, computed independently of the package. */
export function classicResponse(challenge: Uint8Array, password: string): Uint8Array {
  return md5(Buffer.concat([md5(Buffer.from(password)), challenge]));
}
