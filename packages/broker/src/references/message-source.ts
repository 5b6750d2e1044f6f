// What collects messages to a peer, and writes them before others.

/** For example, a viewer of a `Live` collects patches. */
export interface MessageSource {
  /** Whether it has something to write. */
  readonly isBehind: boolean;
  /** Called before another message is written while it {@link isBehind}. Its errors are reported. */
  readonly flush: () => void;
}

/**
 * How often sources may have become behind, in all connections: who makes one behind increments it. A connection asks
 * its sources when this has changed, because asking thousands of them before each message takes longer than writing it.
 */
export const sourceChanges: { count: number } = { count: 0 };
