// Two brokers in one process, ready to call each other.

import { Broker } from "../broker.js";
import { linkPair } from "../memory-link.js";
import type { LinkPairOptions } from "../memory-link.js";
import type { BrokerOptions } from "../options.js";

/** A server and a client, ready to call. */
export async function connectedPair(
  server: BrokerOptions,
  client: BrokerOptions = {},
  options?: LinkPairOptions,
): Promise<{ server: Broker; client: Broker; links: ReturnType<typeof linkPair> }> {
  const links = linkPair(options);
  const pair = { server: new Broker(links.listener, server), client: new Broker(links.initiator, client), links };
  await Promise.all([pair.server.ready, pair.client.ready]);
  return pair;
}
