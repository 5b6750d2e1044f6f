// The counters of a link that liveness needs. Every link of a transport provides them.

/** Shows whether the peer is alive. Times are those of `performance.now()`, in milliseconds. */
export interface Pulse {
  /** When bytes were last received. */
  readonly lastReceived: number;
  /** When bytes last left the process. They stay in the process when the peer has not read for a long time. */
  readonly lastLeft: number;
  /** Bytes that were passed to the link. */
  readonly sentBytes: number;
  /** Of `sentBytes`, those that have left the process. */
  readonly leftBytes: number;
  /**
   * Whether the link has stopped reading. Then an answer can be missing although the peer has sent it. Default false.
   */
  readonly isPaused?: boolean;
}
