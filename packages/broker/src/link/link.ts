// The interface between a broker and a transport: send bytes, receive bytes, learn of the end. A broker does no other
// I/O.

/** What a transport knows about the other end of a connection. */
export interface Peer {
  /** The other end as text for logs: `tcp:127.0.0.1:52110`, `memory`. */
  readonly description: string;
  /**
   * Whether the bytes are protected against reading and changes on their way. False for a client over TLS that has not
   * verified the certificate of the server, because an attacker may have answered in its place.
   */
  readonly isEncrypted: boolean;
  /** The address of the other end without its port, if it has one. It proves nothing about who the peer is. */
  readonly address?: string | undefined;
  /**
   * At a server over WebSocket: the HTTP request that opened the connection, for cookies and other headers. `url` is
   * the path and the query; headers have names in lower case, as in Node. The peer chooses all of it freely.
   */
  readonly request?:
    | {
        readonly url: string;
        readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
      }
    | undefined;
  /** Over TLS: the certificate of the other end. Check `isTrusted` before relying on it. */
  readonly certificate?: PeerCertificate | undefined;
  /**
   * Over TLS: bytes that only the two ends of this connection know, which tie a login to the connection (RFC 5929, RFC
   * 9266). Undefined where the connection has no binding of this type.
   */
  channelBinding?(type: ChannelBindingType): Uint8Array | undefined;
}

export type ChannelBindingType = "tls-exporter" | "tls-server-end-point";

/** The certificate of a peer as plain values. */
export interface PeerCertificate {
  /**
   * Whether a trusted authority issued it and it is in date. False where the transport was told to accept any
   * certificate.
   */
  readonly isTrusted: boolean;
  /** The common name of its subject. */
  readonly name: string | undefined;
  /** The names it is valid for: `DNS:example.org`, `IP Address:192.0.2.1`, `URI:…`. */
  readonly alternativeNames: readonly string[];
  /** The common name of its issuer. */
  readonly issuer: string | undefined;
  readonly serialNumber: string;
  readonly validFrom: Date;
  readonly validTo: Date;
  /** The SHA-256 fingerprint, as `AB:CD:…`. */
  readonly fingerprint: string;
  /** The certificate in DER. */
  readonly der: Uint8Array;
}

/** The bytes of one connection. A transport implements it; the broker owns it from `start` on. */
export interface Link {
  /**
   * `listener`: this end accepted the connection. `initiator`: this end made it. Only the negotiation of the dialect
   * differs.
   */
  readonly role: "listener" | "initiator";
  readonly peer: Peer;
  /** Bytes passed to `send` that have not left the process yet. */
  readonly queuedBytes: number;
  /**
   * Whether `send` accepts views of buffers that other connections read too, which saves a copy. Set it to true for a
   * link that only reads the bytes, does not transfer their buffer, and does not keep them for long. Default false: the
   * link owns the buffer of what it is sent.
   */
  readonly takesViews?: boolean;
  /**
   * Whether nothing uses the bytes of a view anymore when {@link queuedBytes} is 0: their memory then becomes that of
   * the next messages, which saves a buffer for every 16 KiB. Set it to true for a link whose bytes have been copied
   * when they have left, as the kernel does. It has no effect without `takesViews`. Default false.
   */
  readonly releasesViews?: boolean;
  /**
   * Runs `flush` once, when the messages of this turn should be written: after the callbacks that are due now, so that
   * their messages leave together. Default: in a microtask. A transport with a better moment, such as Node's `nextTick`
   * after all promises, implements it.
   */
  scheduleFlush?(flush: () => void): void;
  /** Starts to deliver bytes. Called once. */
  start(receiver: LinkReceiver): void;
  /**
   * Takes ownership of `bytes`, and of their buffer unless it {@link takesViews}. Does nothing once the link is closed.
   */
  send(bytes: Uint8Array): void;
  /** Sends what is queued, then closes. `lost` follows. */
  close(): void;
  /** Closes at once and discards what is queued. `lost` follows. */
  destroy(): void;
  /** Stops delivering bytes until `resume`, so that the peer has to wait. */
  pause(): void;
  resume(): void;
}

/**
 * The callbacks of a link. The link may call them at any time, even before `send`, `resume` or `close` has returned:
 * the broker then handles them in the order of the calls, as soon as it has finished its current step.
 */
export interface LinkReceiver {
  /** Bytes arrived. The link may reuse their buffer when this returns. */
  received(bytes: Uint8Array): void;
  /** Everything that was queued has left the process. */
  drained(): void;
  /**
   * The connection ended. Called exactly once. `cause` is the error, if it is known. `reason` tells that the link
   * itself ended the connection, because the peer violated the protocol of the transport or exceeded a limit of it.
   */
  lost(cause?: Error, reason?: "protocol" | "limit"): void;
}
