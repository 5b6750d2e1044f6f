// server.ts
import { BrokerConfig, type Link } from "@pb/broker/extension";
import type { Root } from "@pb/broker";
import { ServerConnections, type Pulse } from "@pb/transport";

/** Serves `root`. The result is called with each link that the transport has accepted. */
export function serve(root: Root): (link: Link & Pulse) => void {
  const connections = new ServerConnections({ config: new BrokerConfig({ root }) });
  return (link) => {
    const { address, description } = link.peer;
    const admitted = connections.admit({ address, peer: description, destroy: () => link.destroy() });
    void admitted?.serve(link).closed.then(() => admitted.closed());
  };
}
