// What collects messages to a peer, and writes them before others.

/** For example, a viewer of a `Live` collects patches. */
export interface MessageSource {
  /** Whether it has something to write. */
  readonly isBehind: boolean;
  /** Called before another message is written while it {@link isBehind}. Its errors are reported. */
  readonly flush: () => void;
}

/**
 * How often sources may have become behind, in all connections. Increment it after making one behind.
 *
 * A connection asks its sources when this has changed: to ask thousands of them before each message takes longer than
 * to write it.
 */
export const sourceChanges: { count: number } = { count: 0 };
