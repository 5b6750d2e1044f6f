// Runs in a tab of Chromium that a test controls: a client that connects again only when the tab wakes up.

import { Referenceable } from "@pb/broker";
import { reconnecting } from "@pb/web-transport";

declare const location: { readonly search: string };
/** With `false`, a request blocks the thread of the page until it is answered. */
declare class XMLHttpRequest {
  open(method: string, url: string, isAsync: false): void;
  send(): void;
}

interface TestServer {
  remote_echo(value: string): string;
  remote_wait(): void;
  remote_large(): Uint8Array;
  remote_push(target: unknown, pieces: number): void;
  remote_join(tab: unknown): void;
}

const query = new URLSearchParams(location.search);
const hour = 3_600_000;
const client = reconnecting<TestServer>(query.get("server")!, { backoff: { firstMs: hour, highestMs: hour } });

class Tab extends Referenceable {
  taken = 0;
  remote_ask = (): number => Number(query.get("id"));
  remote_take(): void {
    this.taken++;
  }
}

const tab = new Tab();
let waiting = 0;

/** Blocks the page until the test answers the request. */
function block(): void {
  const request = new XMLHttpRequest();
  request.open("POST", "/hold", false);
  request.send();
}

/** What the test calls. */
const actions = {
  state: () => client.state.is,
  echo: (value: string) => client.callRemote("echo", value),
  join: () => client.callRemote("join", tab),

  wait(calls: number): void {
    for (; waiting < calls; waiting++) client.callRemote("wait").catch(() => undefined);
  },

  /** Asks for answers and does not read them. Resolves with what had arrived before, and in all. */
  async askAndBlock(answers: number): Promise<[before: number, all: number]> {
    let arrived = 0;
    const calls = Array.from({ length: answers }, async () => {
      await client.callRemote("large");
      arrived++;
    });
    await new Promise((resolve) => setTimeout(resolve)); // The calls have been sent.
    const before = arrived;
    block();
    await Promise.all(calls);
    return [before, arrived];
  },

  /** Lets the server send, and does not read it. */
  async takeAndBlock(pieces: number): Promise<[before: number, all: number]> {
    const pushed = client.callRemote("push", tab, pieces);
    await new Promise((resolve) => setTimeout(resolve));
    const before = tab.taken;
    block();
    await pushed;
    return [before, tab.taken];
  },
};

Object.assign(globalThis, { tab: actions });
client.onState(({ is }) => {
  if (is === "ready") void client.callRemote("join", tab);
});
