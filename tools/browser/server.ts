// A server in a process of its own, which a test can kill: node server.ts PORT ORIGIN. Prints its port.

import { callContext } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { listen } from "@pb/web-transport/node";
import { House } from "./house.js";

/** The length of a large answer, and of a piece that is pushed. */
const LARGE_BYTES = 64 * 1024;
const large = new Uint8Array(LARGE_BYTES);

const counts = { running: 0, canceled: 0, answered: 0, pushed: 0 };
const tabs = new Set<RemoteReference>();

class TestRoot extends House {
  /** Answers when the caller has gone. */
  remote_wait(): Promise<void> {
    counts.running++;
    return new Promise((resolve) => {
      callContext().signal.addEventListener("abort", () => {
        counts.running--;
        counts.canceled++;
        resolve();
      });
    });
  }

  remote_large(): Uint8Array {
    counts.answered++;
    return large;
  }

  /** Sends to an object of the page, as fast as that reads. */
  async remote_push(target: RemoteReference, pieces: number): Promise<void> {
    for (let piece = 0; piece < pieces; piece++) {
      target.sendRemote("take", large);
      counts.pushed++;
      await target.drained();
    }
  }

  remote_join(tab: RemoteReference): void {
    tabs.add(tab);
  }

  /** Calls every tab, and returns what they answer. */
  remote_ask_all = (): Promise<unknown[]> => Promise.all([...tabs].map((tab) => tab.callRemote("ask")));

  remote_counts(): unknown {
    for (const tab of tabs) if (!tab.isAlive) tabs.delete(tab);
    const queued = [...server.connections].map((connection) => connection.stats().bytesQueued);
    const { size: connections } = server.connections;
    return { ...counts, tabs: tabs.size, connections, bytesQueued: Math.max(...queued) };
  }
}

const [port = "0", origin = "self"] = process.argv.slice(2);
const server = await listen(`ws:${port}:interface=127.0.0.1:path=/pb`, new TestRoot(), { origins: [origin] });
console.log(JSON.stringify(server.port));
