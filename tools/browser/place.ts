// Runs in a worker, a shared worker or an iframe of a browser, which its URL names: the client half of the contract.

import { runClient } from "./client.js";

declare const location: { readonly search: string };

await runClient(new URLSearchParams(location.search).get("place")!);
