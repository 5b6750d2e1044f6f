// Large messages of all connections are read one after the other. While one is read, its bytes and its values are both
// in memory; several of them at the same time could fill it.

/** Smaller messages need not wait. A hundred of them at the same time take less than one of the largest size. */
export const LARGE_MESSAGE_BYTES: number = 256 * 1024;

/**
 * The connections with a large message, and the function that starts reading it. The first connection is reading; the
 * others wait.
 */
const queue = new Map<object, () => void>();

/**
 * Returns whether `connection` may read a large message now. Otherwise calls `start` when it may, unless {@link leave}
 * is called before.
 */
export function enter(connection: object, start: () => void): boolean {
  queue.set(connection, start);
  return queue.size === 1;
}

/** `connection` has read its message, or has ended. */
export function leave(connection: object): void {
  const [first] = queue.keys();
  if (!queue.delete(connection) || first !== connection) return;
  for (const start of queue.values()) {
    start();
    return;
  }
}
