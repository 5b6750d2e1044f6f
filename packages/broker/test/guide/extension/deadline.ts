import { Broker } from "@pb/broker";
import { withDeadline } from "@pb/broker/extension";
import type { DeadlineOptions, Link } from "@pb/broker/extension";
import { linkPair } from "@pb/broker/testing";

class ConnectTimeoutError extends Error {}

/** Connects, and waits until both ends have agreed on a dialect. */
function connectOver(open: (signal: AbortSignal) => Promise<Link>, options: DeadlineOptions = {}): Promise<Broker> {
  return withDeadline(
    options,
    (timeoutMs) => new ConnectTimeoutError(`Not connected within ${timeoutMs} ms`),
    async (signal) => {
      const broker = new Broker(await open(signal));
      if (signal.aborted)
        broker.terminate("closed"); // too late: the promise has rejected already
      else signal.addEventListener("abort", () => broker.terminate("closed"));
      await broker.ready;
      return broker;
    },
  );
}

const links = linkPair();
const failed = connectOver(async () => links.initiator, { timeoutMs: 20 }); // there is no broker at the other end
console.log(await failed.catch(String));

const other = linkPair();
new Broker(other.listener);
const broker = await connectOver(async () => other.initiator, { timeoutMs: 5000 });
console.log(broker.dialect?.name);
await broker.close();
