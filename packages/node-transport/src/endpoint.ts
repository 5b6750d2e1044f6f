// Where to connect to and where to listen, in Twisted's words (`twisted.internet.endpoints`).

import { EndpointError } from "./errors.js";

/** A TCP server to connect to. */
export interface TcpClientEndpoint {
  readonly type: "tcp";
  readonly host: string;
  readonly port: number;
}

/** A TCP port to listen on. */
export interface TcpServerEndpoint {
  readonly type: "tcp";
  /** 0 for any free one. */
  readonly port: number;
  /** The address of the interface. Default: all of them. */
  readonly interface?: string | undefined;
  readonly backlog?: number | undefined;
}

/**
 * Reads a client endpoint: `tcp:example.org:8787`, `tcp:host=example.org:port=8787`. A backslash keeps a colon: `tcp:host=\:\:1:port=8787`.
 * Throws {@link EndpointError}.
 */
export function parseClientEndpoint(text: string): TcpClientEndpoint {
  const { positional, named } = split(text);
  const allowed = new Arguments(text, positional, named, ["host", "port"]);
  return { type: "tcp", host: allowed.required("host"), port: allowed.port(1) };
}

/** Reads a server endpoint: `tcp:8787`, `tcp:8787:interface=127.0.0.1`, `tcp:port=0:backlog=100`. Throws {@link EndpointError}. */
export function parseServerEndpoint(text: string): TcpServerEndpoint {
  const { positional, named } = split(text);
  const allowed = new Arguments(text, positional, named, ["port", "interface", "backlog"]);
  return {
    type: "tcp",
    port: allowed.port(0),
    interface: allowed.optional("interface"),
    backlog: allowed.number("backlog", 1, 0x7fffffff),
  };
}

/** The type, the positional and the named arguments of an endpoint string. Only `tcp` so far. */
function split(text: string): { positional: string[]; named: Map<string, string> } {
  const [type, ...parts] = text.split(/(?<!\\):/);
  if (type !== "tcp") throw new EndpointError(text, `type ${JSON.stringify(type)}`, 'expected "tcp"');
  const positional: string[] = [];
  const named = new Map<string, string>();
  for (const part of parts) {
    const equals = part.search(/(?<!\\)=/);
    if (equals < 0) {
      if (named.size > 0) throw new EndpointError(text, part, "positional arguments come before named ones");
      positional.push(unescape(part));
    } else {
      named.set(part.slice(0, equals), unescape(part.slice(equals + 1)));
    }
  }
  return { positional, named };
}

function unescape(text: string): string {
  return text.replace(/\\(.)/g, "$1");
}

/** Arguments by name, wherever they stood. */
class Arguments {
  readonly #text: string;
  readonly #values: Map<string, string>;

  constructor(
    text: string,
    positional: readonly string[],
    named: ReadonlyMap<string, string>,
    order: readonly string[],
  ) {
    this.#text = text;
    this.#values = new Map(named);
    for (const name of named.keys()) {
      if (!order.includes(name)) throw new EndpointError(text, name, `expected one of ${order.join(", ")}`);
    }
    for (const [index, value] of positional.entries()) {
      const name = order[index];
      if (name === undefined) throw new EndpointError(text, value, `expected at most ${order.length} arguments`);
      if (this.#values.has(name)) throw new EndpointError(text, name, "given twice");
      this.#values.set(name, value);
    }
  }

  optional(name: string): string | undefined {
    return this.#values.get(name);
  }

  required(name: string): string {
    const value = this.#values.get(name);
    if (value === undefined || value === "") throw new EndpointError(this.#text, name, "missing");
    return value;
  }

  port(lowest: number): number {
    const port = this.#integer("port", this.required("port"), lowest, 65_535);
    return port;
  }

  number(name: string, lowest: number, highest: number): number | undefined {
    const value = this.optional(name);
    return value === undefined ? undefined : this.#integer(name, value, lowest, highest);
  }

  #integer(name: string, value: string, lowest: number, highest: number): number {
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < lowest || number > highest) {
      throw new EndpointError(
        this.#text,
        `${name} ${JSON.stringify(value)}`,
        `expected an integer from ${lowest} to ${highest}`,
      );
    }
    return number;
  }
}
