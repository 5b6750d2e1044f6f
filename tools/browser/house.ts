// A root for what outlives connections: rooms to keep references to, and payments whose connections break.

import { callContext, Referenceable, Root } from "@pb/broker";

class Room extends Referenceable {
  readonly #name: string;

  constructor(name: string) {
    super();
    this.#name = name;
  }

  remote_say(text: string): string {
    return `${this.#name}: ${text}`;
  }
}

export class House extends Root {
  /** How often a payment was made. */
  #runs = 0;

  remote_room(name: string): Room {
    return new Room(name);
  }

  /** Breaks the connection before the answer is sent. Returns how often the method has run. */
  remote_pay(): number {
    callContext().connection.terminate("lost");
    return ++this.#runs;
  }

  remote_echo = (value: unknown): unknown => value;
}
