// What the reconnecting client of each transport does: the test of a transport calls this over its sockets.

import { callContext, Referenceable, Root } from "@pb/broker";
import { expect } from "vitest";
import type { ReconnectingClient } from "@pb/transport";

class Made extends Referenceable {
  remote_echo(value: string): string {
    return value;
  }
}

/** The root object of the server that the client calls. */
export class ContractRoot extends Root {
  remote_make(): Made {
    return new Made();
  }

  remote_context(): unknown {
    const { traceparent, deadline } = callContext();
    return [traceparent, deadline !== undefined];
  }
}

/** The client calls results that have not arrived, and tells the server deadlines and traces. */
export async function checkCallsAhead(client: ReconnectingClient<ContractRoot>): Promise<void> {
  const traceparent = `00-${"a1".repeat(16)}-${"b2".repeat(8)}-01`;
  expect(await client.pipe("make").callRemote("echo", "hi")).toBe("hi");
  expect(await client.with({ timeoutMs: 60_000, traceparent }).callRemote("context")).toEqual([traceparent, true]);
}
