// What the broker needs from below: a way to send bytes, and to be told of bytes and of the end. The only door to the outside world.

/** Facts a transport knows about who is at the other end; more of them as it knows more. */
export interface Peer {
  /** The other end in words, for logs: `tcp:127.0.0.1:52110`, `memory`. */
  readonly description: string;
  /** Whether nobody in between can read or change what is sent. */
  readonly isEncrypted: boolean;
  /** The address of the other end, where it has one, without the port. Not proof of anything. */
  readonly address?: string | undefined;
  /** Over TLS: the certificate the other end showed. Look at `isTrusted` before believing it. */
  readonly certificate?: PeerCertificate | undefined;
  /**
   * Over TLS: bytes that both ends of this very connection know and nobody else does, to tie a login to it (RFC 5929, RFC 9266). Undefined where
   * there is no such thing.
   */
  channelBinding?(type: ChannelBindingType): Uint8Array | undefined;
}

export type ChannelBindingType = "tls-exporter" | "tls-server-end-point";

/** A certificate, in plain values. */
export interface PeerCertificate {
  /** Whether it is of an authority we trust, and in date. False where the transport was told not to insist. */
  readonly isTrusted: boolean;
  /** Whose it is: the common name. */
  readonly name: string | undefined;
  /** The names it is good for: `DNS:example.org`, `IP Address:192.0.2.1`, `URI:…`. */
  readonly alternativeNames: readonly string[];
  /** Who signed it: the common name. */
  readonly issuer: string | undefined;
  readonly serialNumber: string;
  readonly validFrom: Date;
  readonly validTo: Date;
  /** SHA-256 of it, as `AB:CD:…`. */
  readonly fingerprint: string;
  /** Itself, in DER. */
  readonly der: Uint8Array;
}

/** One connection's bytes. Implemented by transports; a broker owns it from `start` on. */
export interface Link {
  /** `listener`: this end accepted the connection. `initiator`: this end made it. They differ only in who offers the dialects. */
  readonly role: "listener" | "initiator";
  readonly peer: Peer;
  /** Bytes given to `send` that have not left the process yet. */
  readonly queuedBytes: number;
  /**
   * Whether `send` may be given views of buffers that other connections look at, too, which saves a copy: true for a link that only reads them
   * (no transfer to another thread, no sending of the whole buffer) and lets go of them soon. Default false: the buffer is the link's own.
   */
  readonly takesViews?: boolean;
  /** Begins to deliver. Called once. */
  start(receiver: LinkReceiver): void;
  /** Takes ownership of `bytes`, and of their buffer unless it {@link takesViews}. Does nothing once the link is closed. */
  send(bytes: Uint8Array): void;
  /** Sends what is queued, then closes. `lost` follows. */
  close(): void;
  /** Closes at once and throws away what is queued. `lost` follows. */
  destroy(): void;
  /** Stops delivering until `resume`: the peer is to wait. */
  pause(): void;
  resume(): void;
}

/**
 * Who a link tells. It may do so whenever it likes, also before `send`, `resume` or `close` has returned: a broker then reads what arrived when
 * it is done with what it is in the middle of, and in the order in which it was told.
 */
export interface LinkReceiver {
  /** Bytes arrived. They belong to the link again when this returns. */
  received(bytes: Uint8Array): void;
  /** What was queued has left. */
  drained(): void;
  /** The connection is over: called exactly once. `cause` tells why, where that is known. */
  lost(cause?: Error): void;
}
