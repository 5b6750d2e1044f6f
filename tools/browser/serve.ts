// Runs in a worker, a shared worker or an iframe of a real browser: serves the contract or a `House`. Its URL says how.

import { listen } from "@pb/web-transport";
import type { PortLike } from "@pb/web-transport";
import { brokerOptions } from "../interop/contract.js";
import type { Variant } from "../interop/contract.js";
import { contractRoot } from "../interop/server.js";
import { House } from "./house.js";

declare const location: { readonly search: string };

const query = new URLSearchParams(location.search);
const variant = query.get("root") as Variant | "house";
const root = variant === "house" ? new House() : contractRoot(variant);
const serve = (source: PortLike): unknown =>
  listen(source, root, {
    broker: brokerOptions,
    origins: ["self"],
    onEvent(event) {
      if (event.kind === "failed")
        globalThis.parent?.postMessage((event.error as { readonly code?: string }).code, "*");
    },
  });

/** Of an iframe: the page around it. */
declare global {
  var parent: { postMessage(message: unknown, origin: string): void } | undefined;
}

const scope = globalThis as unknown as PortLike;
if (query.has("ports")) {
  // The page sends ports in messages, and the first of them says whether the worker itself is one, too.
  const received = (event: unknown): void => {
    const { data, ports } = event as { readonly data: unknown; readonly ports: readonly PortLike[] };
    if (data !== "listen") return void serve(ports[0]!);
    scope.removeEventListener!("message", received);
    serve(scope);
    ports[0]!.addEventListener!("message", received);
    ports[0]!.start!();
  };
  scope.addEventListener!("message", received);
} else serve(scope);
