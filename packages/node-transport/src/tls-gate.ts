// The server's side of TLS handshakes.

import { LONGEST_MS } from "@pb/broker/extension";
import type { Socket } from "node:net";
import { createServer } from "node:tls";
import type { Server as TlsServer, TLSSocket } from "node:tls";
import { ConnectError } from "./errors.js";
import { explainTls } from "./tls-errors.js";
import { secureContextOptions, wantsClientCertificates } from "./tls-options.js";
import type { ServerTls } from "./tls-options.js";

interface Handshake {
  readonly resolve: (secured: TLSSocket) => void;
  readonly reject: (error: Error) => void;
}

/** Secures sockets that came in. */
export class TlsGate {
  readonly #tlsMs: number;
  #tls: ServerTls;
  /** For handshakes from now on. */
  #server: TlsServer;
  /** By the two addresses: Node does not promise to say which socket a secured one was made of. */
  readonly #handshakes = new Map<string, Handshake>();
  /** A closed socket forgets its addresses, and one of a UNIX socket has none: it has a number of ours. */
  readonly #keys = new WeakMap<Socket, string>();
  #numbered = 0;

  private constructor(server: TlsServer, tls: ServerTls, tlsMs: number) {
    this.#server = this.#watch(server);
    this.#tls = tls;
    this.#tlsMs = tlsMs;
  }

  /** Rejects when a file cannot be read, or holds no key or no certificate. */
  static async open(tls: ServerTls, tlsMs: number): Promise<TlsGate> {
    return new TlsGate(await serverFor(tls, tlsMs), tls, tlsMs);
  }

  /** Rejects as {@link open} does; then nothing has changed. */
  async reload(tls: ServerTls = this.#tls): Promise<void> {
    // Another server, not another context for this one: that would go on asking for the certificates it asked for before.
    this.#server = this.#watch(await serverFor(tls, this.#tlsMs));
    this.#tls = tls;
  }

  #watch(server: TlsServer): TlsServer {
    return server
      .on("secureConnection", (secured) => this.#take(insideOf(secured))?.resolve(secured))
      .on("tlsClientError", (error, secured) => {
        const handshake = this.#take(insideOf(secured));
        secured.on("error", () => undefined).destroy();
        handshake?.reject(this.#explain(error, secured));
      });
  }

  /** Resolves when the handshake is done. Rejects with `ConnectError`. The socket is closed then. */
  secure(socket: Socket): Promise<TLSSocket> {
    return new Promise((resolve, reject) => {
      const key = socket.remoteAddress === undefined ? String(this.#numbered++) : keyOf(socket);
      this.#keys.set(socket, key);
      this.#handshakes.set(key, { resolve, reject });
      socket.once("close", () => {
        // Later, for the secured socket may yet say why.
        setImmediate(() => {
          const error = new ConnectError("TLS_FAILED", "The connection was closed during the TLS handshake");
          this.#take(socket)?.reject(error);
        });
      });
      this.#server.emit("connection", socket);
    });
  }

  #take(socket: Socket): Handshake | undefined {
    const key = this.#keys.get(socket) ?? keyOf(socket);
    const handshake = this.#handshakes.get(key);
    this.#handshakes.delete(key);
    return handshake;
  }

  #explain(error: Error, { authorizationError }: TLSSocket): Error {
    const where = "TLS handshake";
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ERR_TLS_HANDSHAKE_TIMEOUT")
      return new ConnectError("TLS_TIMEOUT", `The TLS handshake took more than ${this.#tlsMs} ms`, { cause: error });
    // A certificate that was refused shows only as a closed socket.
    const refused = authorizationError as unknown;
    if (typeof refused === "string")
      return explainTls(Object.assign(new Error(`the client's certificate: ${refused}`), { code: refused }), where);
    return explainTls(error, where);
  }
}

/** One that does not listen: it is given its sockets. */
async function serverFor(tls: ServerTls, tlsMs: number): Promise<TlsServer> {
  const wanted = wantsClientCertificates(tls);
  return createServer({
    ...(await secureContextOptions(tls)),
    requestCert: wanted !== "none",
    rejectUnauthorized: wanted === "required",
    ...(tls.alpnProtocols === undefined ? {} : { ALPNProtocols: [...tls.alpnProtocols] }),
    handshakeTimeout: Math.min(tlsMs, LONGEST_MS),
  });
}

/** The socket that a secured one was made of. Node keeps it without promising so; without it, TCP still has its addresses. */
function insideOf(secured: TLSSocket): Socket {
  return (secured as { readonly _parent?: Socket })._parent ?? secured;
}

function keyOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return [remoteAddress, remotePort, localAddress, localPort].join(" ");
}
