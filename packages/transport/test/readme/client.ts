// client.ts
import { openBroker, ReconnectingClient, type Dial, type ReconnectingClientOptions } from "@pb/transport";
import { openLink } from "./link.js"; // the part that differs between transports

/** Connects to `url`, and again whenever the connection is lost. */
export function reconnecting<T>(url: string, options: ReconnectingClientOptions<T> = {}): ReconnectingClient<T> {
  const dial: Dial = async (signal) => {
    const link = await openLink(url, signal);
    return { broker: await openBroker(link, {}, { signal }), pulse: link };
  };
  return new ReconnectingClient<T>(dial, options);
}
