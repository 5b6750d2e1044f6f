// A call of this end that must run once, although it is sent again when its connection was lost (docs/extension.md).

import { AnswerForgotten } from "../calls/extension-errors.js";
import type { CallOptions } from "../calls/call-options.js";
import { RemoteReference } from "../flavors/remote-reference.js";
import type { OnceTicket, PeerInstance } from "../references/graph-context.js";
import { RemoteError } from "../wire/failure.js";
import { randomText } from "../random-text.js";

export class OnceCall implements OnceTicket {
  readonly key: string = randomText();
  /** How often it was sent with its key. */
  sends = 0;
  /** Whether it may be sent again: the last peer to which it was sent keeps its answer, or it was not sent. */
  mayRepeat = true;
  /** The peer of the current connection, if that keeps answers. */
  #peer: PeerInstance | undefined;
  /** A time before it was first sent, on the clock of the peer. */
  #since = 0;

  /**
   * Sends the call over the connection of a reference. Rejects as the call does, and with an error for {@link
   * isForgotten} when the peer cannot know whether the call has run.
   */
  call(reference: RemoteReference, options: CallOptions, name: string, args: readonly unknown[]): Promise<unknown> {
    return RemoteReference.callOnce(reference, this, options, name, args);
  }

  /** Whether an error says that the callee has forgotten whether the call has run. */
  isForgotten(error: unknown): boolean {
    if (error instanceof RemoteError) return error.is(AnswerForgotten.remoteType);
    return error instanceof AnswerForgotten;
  }

  prepare(peer: PeerInstance | undefined): void {
    if (this.sends > 0 && peer?.instance !== this.#peer?.instance) throw new AnswerForgotten();
    this.#peer = peer;
    this.mayRepeat = peer !== undefined;
  }

  announce(): object | undefined {
    const peer = this.#peer;
    if (peer === undefined) return undefined;
    if (this.sends++ === 0) this.#since = peer.clock + (performance.now() - peer.answeredAt) / 1000;
    return { key: this.key, since: this.#since };
  }
}
