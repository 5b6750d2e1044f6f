// The server side of TLS handshakes.

import { after, LONGEST_MS } from "@pb/broker/extension";
import { ConnectError } from "@pb/transport";
import type { Socket } from "node:net";
import { createServer } from "node:tls";
import type { Server as TlsServer, TLSSocket } from "node:tls";
import type { ConnectErrorCode } from "../errors.js";
import { startsWithProxyHeader } from "../proxy/proxy-header.js";
import { shownCertificate } from "./certificate-expiry.js";
import type { ShownCertificate } from "./certificate-expiry.js";
import { explainHandshakeError, explainTlsError } from "./tls-errors.js";
import { serverContextOptions } from "./tls-material.js";
import { clientCertificatesOf } from "./tls-options.js";
import type { ServerTls } from "./tls-options.js";

/** The promise of a handshake that is in progress. */
interface Handshake {
  readonly resolve: (secured: TLSSocket | undefined) => void;
  readonly reject: (error: Error) => void;
}

/** Secures accepted sockets. */
export class TlsAcceptor {
  readonly #tlsMs: number;
  #tls: ServerTls;
  /** Used for new handshakes. */
  #server: TlsServer;
  /**
   * By the addresses of the socket, because Node has no documented way from a secured socket to the socket below it.
   */
  readonly #handshakes = new Map<string, Handshake>();
  /** A closed socket no longer has addresses, and a UNIX socket never has: it gets a number instead. */
  readonly #keys = new WeakMap<Socket, string>();
  #nextNumber = 0;

  #certificate: ShownCertificate;

  private constructor({ server, certificate }: Secured, tls: ServerTls, tlsMs: number) {
    this.#server = this.#listen(server);
    this.#certificate = certificate;
    this.#tls = tls;
    this.#tlsMs = tlsMs;
  }

  /**
   * Rejects if a file cannot be read, or does not contain a key or a certificate. `tlsMs` is the time for a handshake,
   * in milliseconds.
   */
  static async open(tls: ServerTls, tlsMs: number): Promise<TlsAcceptor> {
    return new TlsAcceptor(await createTlsServer(tls, tlsMs), tls, tlsMs);
  }

  /**
   * Uses other options, or reads the files again, for new handshakes. Rejects as {@link open} does, and then changes
   * nothing.
   */
  async reload(tls: ServerTls = this.#tls): Promise<void> {
    // A new server, because `setSecureContext` changes neither the client certificates that are requested nor ALPN.
    const { server, certificate } = await createTlsServer(tls, this.#tlsMs);
    this.#server = this.#listen(server);
    this.#certificate = certificate;
    this.#tls = tls;
  }

  /** The certificate for new handshakes. */
  get certificate(): ShownCertificate {
    return this.#certificate;
  }

  /**
   * Resolves when the handshake succeeds, and with undefined when the peer closes the socket and has not sent a byte.
   * Rejects with `ConnectError` when it fails. Without a result, the socket is closed.
   */
  secure(socket: Socket): Promise<TLSSocket | undefined> {
    return new Promise((resolve, reject) => {
      const key = socket.remoteAddress === undefined ? String(this.#nextNumber++) : addressKey(socket);
      this.#keys.set(socket, key);
      this.#handshakes.set(key, { resolve, reject });
      socket.once("close", () => {
        // Later, because the event `tlsClientError` may follow and has the better error.
        setImmediate(() => {
          const error = new ConnectError("CONNECT_TLS_FAILED", "The connection was closed during the TLS handshake");
          this.#take(socket)?.reject(error);
        });
      });
      this.#awaitFirstBytes(socket, (first) => {
        if (first === undefined) {
          this.#take(socket)?.resolve(undefined);
          socket.destroy();
        } else if (!startsWithProxyHeader(first)) this.#server.emit("connection", socket);
        else this.#fail(socket, "CONNECT_TLS_FAILED", "The other end sent a header of the PROXY protocol, not TLS");
      });
    });
  }

  /**
   * Calls `next` when the first bytes have arrived, which stay in the socket, or with undefined when the other end has
   * closed. OpenSSL names HTTP in its error, and no other protocol.
   */
  #awaitFirstBytes(socket: Socket, next: (first: Buffer | undefined) => void): void {
    const timer = after(this.#tlsMs, () => {
      this.#fail(socket, "CONNECT_TLS_TIMEOUT", `The TLS handshake took more than ${this.#tlsMs} ms`);
    });
    const proceed = (): void => {
      clearTimeout(timer);
      const first = (socket.off("error", proceed).read() as Buffer | null) ?? undefined;
      if (first !== undefined) socket.unshift(first);
      next(first);
    };
    socket
      .on("error", () => undefined)
      .once("error", proceed)
      .once("close", () => clearTimeout(timer));
    if (socket.readableLength > 0) proceed();
    else socket.once("readable", proceed);
  }

  /** Ends a handshake that has not begun. */
  #fail(socket: Socket, code: ConnectErrorCode, text: string): void {
    socket.destroy();
    this.#take(socket)?.reject(new ConnectError(code, `TLS handshake: ${text}`));
  }

  #listen(server: TlsServer): TlsServer {
    return server
      .on("secureConnection", (secured) => this.#take(rawSocketOf(secured))?.resolve(secured))
      .on("tlsClientError", (error, secured) => {
        const handshake = this.#take(rawSocketOf(secured));
        secured.on("error", () => undefined).destroy();
        handshake?.reject(this.#explain(error, secured));
      });
  }

  /** Removes and returns the handshake of a socket. */
  #take(socket: Socket): Handshake | undefined {
    const key = this.#keys.get(socket) ?? addressKey(socket);
    const handshake = this.#handshakes.get(key);
    this.#handshakes.delete(key);
    return handshake;
  }

  #explain(error: Error, { authorizationError }: TLSSocket): Error {
    const where = "TLS handshake";
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ERR_TLS_HANDSHAKE_TIMEOUT") {
      const text = `The TLS handshake took more than ${this.#tlsMs} ms`;
      return new ConnectError("CONNECT_TLS_TIMEOUT", text, { cause: error });
    }
    // When Node refuses the certificate of a client, the error only says that the socket was closed.
    const refusal = authorizationError as unknown;
    if (typeof refusal === "string")
      return explainTlsError(
        Object.assign(new Error(`the client's certificate: ${refusal}`), { code: refusal }),
        where,
      );
    return explainHandshakeError(error, where) as Error;
  }
}

/** A server of TLS, and what it shows. */
interface Secured {
  readonly server: TlsServer;
  readonly certificate: ShownCertificate;
}

/** A server that does not listen: it is passed its sockets. */
async function createTlsServer(tls: ServerTls, tlsMs: number): Promise<Secured> {
  const clientCertificates = clientCertificatesOf(tls);
  const context = await serverContextOptions(tls);
  const server = createServer({
    ...context,
    requestCert: clientCertificates !== "none",
    rejectUnauthorized: clientCertificates === "required",
    ...(tls.alpnProtocols === undefined ? {} : { ALPNProtocols: [...tls.alpnProtocols] }),
    handshakeTimeout: Math.min(tlsMs, LONGEST_MS),
  });
  return { server, certificate: shownCertificate(context.cert as Buffer) };
}

/**
 * The socket below a secured socket. `_parent` is not documented; without it, the addresses of a TCP socket still
 * identify the handshake.
 */
function rawSocketOf(secured: TLSSocket): Socket {
  return (secured as { readonly _parent?: Socket })._parent ?? secured;
}

function addressKey({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return [remoteAddress, remotePort, localAddress, localPort].join(" ");
}
