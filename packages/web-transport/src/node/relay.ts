// Passes the bytes of two links on to each other, so that a slow end slows down the other.

import type { Link } from "@pb/broker/extension";

/** Bytes that wait for one end and stop the other. */
const WAITING_BYTES = 256 * 1024;

/** Gets the bytes of one direction, and sends what is to be passed on. An error that it throws ends both links. */
export type Passage = (bytes: Uint8Array) => void;

/**
 * Starts both links. Resolves when both have ended. The bytes that the links receive are passed to `fromOne` and
 * `fromOther`; by default, they are sent over the other link.
 */
export async function relay(
  one: Link,
  other: Link,
  fromOne: Passage = (bytes) => other.send(bytes),
  fromOther: Passage = (bytes) => one.send(bytes),
): Promise<void> {
  await Promise.all([passOn(one, other, fromOne), passOn(other, one, fromOther)]);
}

/** Resolves when `from` has ended. */
function passOn(from: Link, to: Link, pass: Passage): Promise<void> {
  return new Promise((resolve) => {
    from.start({
      received: (bytes) => {
        try {
          pass(bytes.slice()); // The link may reuse the buffer.
        } catch {
          from.destroy();
          to.destroy();
        }
        if (to.queuedBytes > WAITING_BYTES || from.queuedBytes > WAITING_BYTES) from.pause();
      },
      drained: () => {
        to.resume();
        from.resume();
      },
      lost: (cause) => {
        if (cause === undefined) to.close();
        else to.destroy();
        resolve();
      },
    });
  });
}
