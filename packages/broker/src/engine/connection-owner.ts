// What the transport of a connection knows about it, decides for it, and learns from it.

import type { LimitName } from "../errors.js";

/**
 * Decides about a login whose credentials were valid: rejects to refuse it. The result is disposed of at logout.
 */
export type AdmitLogin = (avatarId: unknown) => Disposable | Promise<Disposable>;

/** What the transport of a connection knows about it, and wants to learn at once. */
export interface ConnectionOwner {
  /** The `Broker.id` of the connection. Default: a new one. */
  readonly id?: string | undefined;
  /** Called when both ends can call, before the first call of the peer runs. It must not throw. */
  readonly ready?: (() => void) | undefined;
  /** Called when the connection ends, also if it was never ready. It must not throw. */
  readonly ended?: ((wasReady: boolean) => void) | undefined;
  /** Called when the link has closed, too: in a microtask after {@link ended}. It must not throw. */
  readonly gone?: ((wasReady: boolean) => void) | undefined;
  /**
   * Called with the limit when the peer was not read for 250 ms because of it, and with undefined when it is read
   * again. It must not throw.
   */
  readonly paused?: ((limit: LimitName | undefined) => void) | undefined;
  /** Called when this connection needed memory beyond a limit on many connections together. It must not throw. */
  readonly memoryExceeded?: ((limit: LimitName) => void) | undefined;
}
