// Starts worker.ts. Node 22.18 and newer, Deno, Bun and bundlers need no such file: name worker.ts in the client.

import { register } from "tsx/esm/api";

register();
await import("./worker.ts");
