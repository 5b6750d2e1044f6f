// Passes the bytes of two links on to each other, so that a slow end slows down the other.

import type { Link } from "@pb/broker/extension";

/** Bytes that wait for one end and stop the other. */
const WAITING_BYTES = 256 * 1024;

/** Starts both links. Resolves when both have ended. */
export async function relay(one: Link, other: Link): Promise<void> {
  await Promise.all([passOn(one, other), passOn(other, one)]);
}

/** Resolves when `from` has ended. */
function passOn(from: Link, to: Link): Promise<void> {
  return new Promise((resolve) => {
    from.start({
      received: (bytes) => {
        to.send(bytes.slice()); // The link may reuse the buffer.
        if (to.queuedBytes > WAITING_BYTES) from.pause();
      },
      drained: () => to.resume(),
      lost: (cause) => {
        if (cause === undefined) to.close();
        else to.destroy();
        resolve();
      },
    });
  });
}
