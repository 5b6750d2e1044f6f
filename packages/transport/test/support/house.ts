// A server whose root has rooms, which have members, for tests of what outlives connections.

import { callContext, PBError, Referenceable, Root } from "@pb/broker";
import type { Broker, BrokerEvent, Connection, RemoteReference } from "@pb/broker";
import { ReconnectingClient } from "@pb/transport";
import type { ReconnectingClientOptions } from "@pb/transport";
import { onTestFinished } from "vitest";
import { serve } from "./memory-network.js";

export class Member extends Referenceable {
  readonly #name: string;

  constructor(name: string) {
    super();
    this.#name = name;
  }

  remote_name(): string {
    return this.#name;
  }
}

export class Room extends Referenceable {
  readonly #house: House;
  readonly #name: string;

  constructor(house: House, name: string) {
    super();
    this.#house = house;
    this.#name = name;
  }

  remote_say(text: string): string {
    this.#house.log.push(`say ${text}`);
    return `${this.#name}: ${text}`;
  }

  /** Is not answered before the test says so. */
  remote_wait(): Promise<string> {
    return this.#house.wait("waited");
  }

  remote_member(name: string): Member {
    this.#house.log.push(`member ${name}`);
    return new Member(`${name} in ${this.#name}`);
  }
}

/** Is called with the events that a client has subscribed to. */
export class Listener extends Referenceable {
  readonly #heard: (event: number) => void;

  constructor(heard: (event: number) => void) {
    super();
    this.#heard = heard;
  }

  remote_event(event: number): void {
    this.#heard(event);
  }
}

/** Notes in `log` which methods were called. */
export class House extends Root {
  log: string[] = [];
  /** What the next calls of `room` do, instead of returning a room. */
  readonly faults: (() => unknown)[] = [];
  readonly waiting: (() => void)[] = [];
  /** The connection over which `room` was last called. */
  connectionOfLastCall: Connection | undefined;
  readonly #rooms = new Map<string, Room>();

  wait<T>(value: T): Promise<T> {
    return new Promise((resolve) => this.waiting.push(() => resolve(value)));
  }

  /** Ends the connection over which `room` was last called, as a server does that drains. */
  async goAway(): Promise<void> {
    await (this.connectionOfLastCall as Connection & Pick<Broker, "goAway">).goAway();
  }

  answerAll(): void {
    for (const answer of this.waiting.splice(0)) answer();
  }

  async remote_room(name: string): Promise<Room> {
    this.log.push(`room ${name}`);
    this.connectionOfLastCall = callContext().connection;
    const room = this.#rooms.get(name) ?? new Room(this, name);
    this.#rooms.set(name, room);
    return ((await this.faults.shift()?.()) as Room | undefined) ?? room;
  }

  remote_refuse(): never {
    throw new PBError("refused");
  }

  remote_echo(value: string): string {
    this.log.push(`echo ${value}`);
    return value;
  }

  async remote_events(listener: RemoteReference<Listener>, after: number): Promise<string> {
    this.log.push(`events after ${after}`);
    for (const event of [1, 2, 3]) if (event > after) await listener.callRemote("event", event);
    return "subscribed";
  }

  remote_leave(): void {
    this.log.push("leave");
  }
}

/** A server in memory, the network in front of it, and a client that reconnects. */
export function startHouse(options: ReconnectingClientOptions<House> = {}) {
  const house = new House();
  const { connections, network } = serve(house);
  const events: BrokerEvent[] = [];
  const client = new ReconnectingClient<House>(
    network.dial(),
    { backoff: { firstMs: 5, highestMs: 20 }, ...options },
    { onEvent: (event) => void events.push(event) },
  );
  onTestFinished(() => client.close());
  /** Drops all connections. The client has noticed it, and waits. */
  const drop = async (): Promise<void> => {
    const { connection } = client;
    network.drop();
    await connection?.closed;
  };
  return { house, connections, network, client, events, drop };
}
