// Watches the machine of monitor.py, also after the server was restarted.

import { Referenceable } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { reconnecting } from "@pb/node-transport";
import type { ReconnectingClient } from "@pb/node-transport";

class Display extends Referenceable {
  constructor(readonly print: (line: string) => void) {
    super();
  }
  remote_degrees(degrees: number): void {
    this.print(`${degrees} degrees`);
  }
}

export interface Machine {
  watch(display: RemoteReference<Display>): number;
  measure(degrees: number): void;
}

/** Subscribes on each connection. Dispose of the result to end. */
export function main(address: string, print: (line: string) => void): ReconnectingClient<Machine> {
  const client = reconnecting<Machine>(address, {
    backoff: { firstMs: 50, highestMs: 500 },
    onState: (state) => {
      if (state.is !== "connecting") print(state.is);
    },
  });
  const display = new Display(print);
  client.standing(async (machine) => {
    print(`${await machine.call.watch(display)} display`);
  });
  return client;
}
