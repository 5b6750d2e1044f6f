// What the tests of logins share: a realm that remembers, and connections of several kinds.

import { Avatar, Broker, Referenceable } from "@pb/broker";
import type { BrokerEvent, BrokerOptions, Peer, RemoteReference } from "@pb/broker";
import { linkPair } from "@pb/broker/testing";
import type { MemoryLink } from "@pb/broker/testing";
import { ANONYMOUS, InMemoryUsernamePasswordChecker, Portal } from "@pb/cred";
import type { AvatarId, Login, LoginEvent, Mind, PortalOptions, Realm } from "@pb/cred";
import type { CredentialsChecker } from "@pb/cred/extension";
import { md5 } from "@noble/hashes/legacy.js";

/** Enough for the RFC, and quick. */
export const iterations = 4096;

export const users = () => new InMemoryUsernamePasswordChecker({ alice: "secret", bob: "hunter2" }, { iterations });

export class Person extends Avatar {
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

export class House implements Realm {
  readonly asked: [AvatarId, Mind, string[]][] = [];
  readonly inside: string[] = [];
  readonly loggedOut: string[] = [];

  requestAvatar(avatarId: AvatarId, mind: Mind, ...interfaces: string[]): Login | Promise<Login> {
    this.asked.push([avatarId, mind, interfaces]);
    const name = avatarId === ANONYMOUS ? "anonymous" : avatarId;
    this.inside.push(name);
    return {
      avatar: new Person(name, mind),
      logout: () => {
        this.inside.splice(this.inside.indexOf(name), 1);
        this.loggedOut.push(name);
      },
    };
  }
}

export class Mindful extends Referenceable {
  readonly pings: number[] = [];

  remote_ping(n: number) {
    this.pings.push(n);
    return n + 1;
  }
}

export type PersonReference = RemoteReference<Person>;

/** Two ends of a link that believe these facts about each other. */
export function brokers(
  server: BrokerOptions,
  {
    peer = {},
    clientPeer = peer,
    client = {},
  }: { peer?: Partial<Peer>; clientPeer?: Partial<Peer>; client?: BrokerOptions } = {},
) {
  const links = linkPair();
  believe(links.listener, peer);
  believe(links.initiator, clientPeer);
  return { server: new Broker(links.listener, server), client: new Broker(links.initiator, client), links };
}

function believe(link: MemoryLink, facts: Partial<Peer>): void {
  Object.assign(link, { peer: { ...link.peer, ...facts } });
}

/** A house with a portal in front of it, and connections to it. */
export class Stage {
  readonly house: House;
  readonly events: LoginEvent[] = [];
  readonly brokerEvents: BrokerEvent[] = [];
  readonly portal: Portal;

  constructor(checkers: CredentialsChecker[] = [users()], options: PortalOptions = {}, house: House = new House()) {
    this.house = house;
    // Tests about pace say so.
    const limits = { failureMs: 0, ...options.limits };
    this.portal = new Portal(house, checkers, { onEvent: (event) => this.events.push(event), ...options, limits });
  }

  connect(facts: Parameters<typeof brokers>[1] = {}) {
    return brokers({ root: this.portal, onEvent: (event) => this.brokerEvents.push(event) }, facts);
  }

  get mechanisms() {
    return this.events.flatMap((event) => (event.kind === "login" ? [event.mechanism] : []));
  }
}

/** What a call failed with. */
export async function errorOf(promise: Promise<unknown>): Promise<any> {
  return promise.then(
    (value) => {
      throw new Error("Expected a failure", { cause: value });
    },
    (error: unknown) => error,
  );
}

/** Lets everything that is on its way arrive. */
export async function settle(turns = 50): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await Promise.resolve();
  await new Promise((resolve) => setTimeout(resolve, 0));
}

/** PB's answer to a challenge, made without our code. */
export function classicResponse(challenge: Uint8Array, password: string): Uint8Array {
  return md5(Buffer.concat([md5(Buffer.from(password)), challenge]));
}
