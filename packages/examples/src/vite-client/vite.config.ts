// Passes the WebSocket on to the server of the auction.

import { defineConfig } from "vite";

const target = `http://127.0.0.1:${process.env.PORT ?? "8787"}`;

export default defineConfig({
  server: { proxy: { "/pb": { target, ws: true, rewriteWsOrigin: true } } },
  resolve: { conditions: ["@pb/source"] }, // only in this repository: the packages from their sources
});
