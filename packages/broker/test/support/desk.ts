// A root object for tests of calls: it answers at once, later, with an error, or not at all.

import { Root } from "@pb/broker";
import type { Broker, BrokerEvent, BrokerOptions } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";

export class Desk extends Root {
  readonly waiting: ((value: unknown) => void)[] = [];
  readonly received: unknown[] = [];
  broker: Broker | undefined;

  remote_echo(value: unknown): unknown {
    this.received.push(value);
    return value;
  }

  remote_later(): Promise<unknown> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  remote_thenable(): unknown {
    return { then: (resolve: (value: string) => void) => resolve("kept") };
  }

  remote_throwingThen(): unknown {
    return {
      get then(): never {
        throw new RangeError("from then");
      },
    };
  }

  remote_thenThatThrows(): unknown {
    return {
      then(): never {
        throw new RangeError("from then");
      },
    };
  }

  async remote_closeAndFail(): Promise<never> {
    void this.broker?.close();
    throw new Error("after the end");
  }

  remote_closeAndAnswer(): string {
    void this.broker?.close();
    return "after the end";
  }

  remote_fault(): never {
    throw new Error("a bug");
  }

  remote_function(): unknown {
    return () => 1;
  }

  async remote_functionLater(): Promise<unknown> {
    return () => 1;
  }
}

export async function open(options: BrokerOptions = {}) {
  const root = new Desk();
  const events: BrokerEvent[] = [];
  const pair = await connectedPair({ root, onEvent: (event) => events.push(event), ...options });
  root.broker = pair.server;
  return { root, pair, events, desk: await pair.client.getRootObject<Desk>() };
}
