// The finger service over PB: user names and their status, as bytes. (the finger tutorial's finger21.tac)

import { Root } from "@pb/broker";
import { listen } from "@pb/node-transport";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

class FingerService {
  readonly #users: ReadonlyMap<string, string>;

  constructor(users: Readonly<Record<string, string>>) {
    this.#users = new Map(Object.entries(users));
  }

  async getUser(user: string): Promise<string> {
    return this.#users.get(user) ?? "No such user";
  }

  async getUsers(): Promise<string[]> {
    return [...this.#users.keys()];
  }
}

export class PerspectiveFinger extends Root {
  readonly #service: FingerService;

  constructor(service: FingerService) {
    super();
    this.#service = service;
  }

  /** Names are bytes, as in the tutorial: a text matches no user. */
  async remote_getUser(user: Uint8Array | string): Promise<Uint8Array> {
    const name = typeof user === "string" ? "" : decoder.decode(user);
    return encoder.encode(await this.#service.getUser(name));
  }

  async remote_getUsers(): Promise<Uint8Array[]> {
    return (await this.#service.getUsers()).map((name) => encoder.encode(name));
  }
}

const service = new FingerService({ moshez: "happy and well", shawn: "alive" });
await listen(`tcp:${process.argv[2] ?? 8889}:interface=127.0.0.1`, new PerspectiveFinger(service));
