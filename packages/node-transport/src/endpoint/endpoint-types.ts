// The parts of endpoints: where to connect, and where to listen.

import type { ClientTls, ServerTls } from "../tls/tls-options.js";

/** A TCP server to connect to. */
export interface TcpClientEndpoint {
  readonly type: "tcp";
  /**
   * A name or an address. Names such as `bücher.example` are converted to ASCII. All addresses of a name are tried:
   * the next one after 250 ms, or as soon as one fails, and the first that accepts is used (RFC 8305).
   */
  readonly host: string;
  /** 1 to 65,535. */
  readonly port: number;
  /** The local address to connect from. Default: chosen by the system. */
  readonly bindAddress?: string | undefined;
  /** Milliseconds until the server must have accepted the connection. Overrides the option `connectMs` of `connect`. */
  readonly timeoutMs?: number | undefined;
}

/** A TLS server to connect to. */
export interface TlsClientEndpoint extends Omit<TcpClientEndpoint, "type"> {
  readonly type: "tls";
  readonly tls?: ClientTls | undefined;
  /**
   * The connection that carries TLS. Default: TCP to `host` and `port`. With another one, these only name the server.
   */
  readonly over?: TcpClientEndpoint | UnixClientEndpoint | undefined;
}

/** A UNIX socket to connect to. */
export interface UnixClientEndpoint {
  readonly type: "unix";
  readonly path: string;
  readonly timeoutMs?: number | undefined;
}

/** What all endpoints of servers have in common. */
interface ProxiedEndpoint {
  /**
   * Whether all connections come from proxies, which begin them with a header of the PROXY protocol (`haproxy:` in an
   * endpoint string). The peer is then the client that the header names. See the option `trustProxies` of `listen` for
   * which proxies are believed; other peers are refused. Default false.
   */
  readonly proxied?: boolean | undefined;
}

/** What the endpoints of TCP and TLS servers have in common. */
interface PortEndpoint extends ProxiedEndpoint {
  /** 0 for any free port. */
  readonly port: number;
  /** The address of the interface. Default: all interfaces, IPv6 and IPv4. */
  readonly interface?: string | undefined;
  /**
   * How many connections may wait to be accepted. Default 4,096, the most that Linux allows unless it is configured
   * otherwise (`net.core.somaxconn`). After a restart, all clients of a server connect at once. With Node's own
   * default, 511, the kernel would drop some of them without telling them, and they would wait in vain.
   */
  readonly backlog?: number | undefined;
  /**
   * Whether several processes may listen on the same port at the same time, among which the system distributes the
   * connections. Needs Linux and Node 22.12 or newer; with older ones, share the port with `node:cluster`. Default
   * false.
   */
  readonly reusePort?: boolean | undefined;
}

/** A TCP port to listen on. */
export interface TcpServerEndpoint extends PortEndpoint {
  readonly type: "tcp";
}

/** A TCP port to listen on for TLS. */
export interface TlsServerEndpoint extends PortEndpoint {
  readonly type: "tls";
  readonly tls?: ServerTls | undefined;
}

/** A UNIX socket to listen on. */
export interface UnixServerEndpoint extends ProxiedEndpoint {
  readonly type: "unix";
  /**
   * With a NUL as its first character, it is the name of an abstract socket of Linux: there is no file and no mode, so
   * that every process on the machine may connect.
   */
  readonly path: string;
  /**
   * The file mode of the socket, which says who may connect. Default 0o660: the owner and the group. (The default of
   * Twisted is 0o666.)
   */
  readonly mode?: number | undefined;
  /**
   * Whether the file `<path>.lock` marks the path as taken, for Twisted too, so that the socket of a dead server can be
   * replaced. Default true.
   */
  readonly lockfile?: boolean | undefined;
  /** How many connections may wait to be accepted. Default 4,096. Linux refuses others with `EAGAIN`. */
  readonly backlog?: number | undefined;
}

/**
 * A listening socket that systemd passes to this process. It is selected by its index or by its `FileDescriptorName=`.
 */
export interface SystemdServerEndpoint extends ProxiedEndpoint {
  readonly type: "systemd";
  readonly index?: number | undefined;
  readonly name?: string | undefined;
}

/** A descriptor of this process that listens, or can listen, such as one that its parent passed on. */
export interface DescriptorServerEndpoint extends ProxiedEndpoint {
  readonly type?: "fd" | undefined;
  readonly fd: number;
}

export type ClientEndpoint = TcpClientEndpoint | TlsClientEndpoint | UnixClientEndpoint;
export type ServerEndpoint =
  TcpServerEndpoint | TlsServerEndpoint | UnixServerEndpoint | SystemdServerEndpoint | DescriptorServerEndpoint;
