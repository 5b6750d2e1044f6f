// Connected pairs of sockets of every kind, as links.

import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import type { TLSSocket } from "node:tls";
import type { LinkEnds } from "@pb/broker/testing";
import { SocketLink } from "@pb/node-transport";
import { Authority } from "./certificates.js";
import { folder } from "./echo.js";

/** For each kind of stream, a function that connects a new pair. */
export const kinds: Record<string, () => Promise<LinkEnds>> = {
  "TCP over IPv4": () => joined("127.0.0.1"),
  "TCP over IPv6": () => joined("::1"),
  UNIX: async () => {
    using place = folder();
    return await joined(place.file("socket"));
  },
  TLS: () => secured("TLSv1.3"),
  "TLS 1.2": () => secured("TLSv1.2"),
  "duplex stream": () => Promise.resolve(ends(...streams())),
};

async function joined(where: string): Promise<LinkEnds> {
  const server = createServer();
  server.listen(where.includes("/") ? { path: where } : { host: where, port: 0 });
  await once(server, "listening");
  const address = server.address();
  const arrival = once(server, "connection") as Promise<[Socket]>;
  const client = typeof address === "object" && address !== null ? connect(address.port, where) : connect(where);
  const [[accepted]] = await Promise.all([arrival, once(client, "connect")]);
  server.close();
  return ends(accepted, client);
}

const authority = new Authority("A test authority");
const certificate = authority.issue("localhost");

async function secured(version: "TLSv1.2" | "TLSv1.3"): Promise<LinkEnds> {
  const server = createTlsServer({ ...certificate, minVersion: version, maxVersion: version });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const arrival = once(server, "secureConnection") as Promise<[TLSSocket]>;
  const { port } = server.address() as { port: number };
  const client = connectTls({ host: "127.0.0.1", port, servername: "localhost", ca: authority.cert });
  const [[accepted]] = await Promise.all([arrival, once(client, "secureConnect")]);
  server.close();
  return ends(accepted, client);
}

/** Two connected streams in memory: bytes written to one are read from the other. */
export function streams(): [Duplex, Duplex] {
  const pair: Half[] = [];
  pair.push(new Half(() => pair[1]!), new Half(() => pair[0]!));
  return [pair[0]!, pair[1]!];
}

class Half extends Duplex {
  readonly #other: () => Half;
  #taken: (() => void) | undefined;

  constructor(other: () => Half) {
    super();
    this.#other = other;
  }

  override _read(): void {
    const taken = this.#taken;
    this.#taken = undefined;
    taken?.();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    if (this.#other().push(chunk)) done();
    else this.#other().#taken = done;
  }

  override _final(done: () => void): void {
    this.#other().push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const other = this.#other();
    if (!this.writableFinished && !other.destroyed) queueMicrotask(() => other.push(null));
    done(error);
  }
}

function ends(listener: Duplex, initiator: Duplex): LinkEnds {
  return { listener: new SocketLink(listener, "listener"), initiator: new SocketLink(initiator, "initiator") };
}
