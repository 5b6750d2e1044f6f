// Stands for the part of a transport that opens links: `openLink` of the README, over memory links.

import { linkPair } from "@pb/broker/testing";
import { PulsedLink } from "../support/memory-network.js";

const listeners = new Map<string, (link: PulsedLink) => void>();

/** Passes each link that is opened with this URL to `accept`. */
export function listenOn(url: string, accept: (link: PulsedLink) => void): void {
  listeners.set(url, accept);
}

export async function openLink(url: string, signal: AbortSignal): Promise<PulsedLink> {
  signal.throwIfAborted();
  const { listener, initiator } = linkPair();
  listeners.get(url)!(new PulsedLink(listener));
  return new PulsedLink(initiator);
}
