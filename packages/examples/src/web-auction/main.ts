// npm run demo -- web [PORT] [SECONDS]: opens the auction and prints its address. A lot is sold after a minute.

import { openAuction } from "./server.js";

const [port = "0", seconds = "60"] = process.argv.slice(2);
const auction = await openAuction({ port: Number(port), lotMs: Number(seconds) * 1000 });
console.log(`The auction is at http://127.0.0.1:${auction.port}/
Open it in two tabs, and take a seat in each. Reload one of them, or let it go offline. Ctrl+C ends the auction.`);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void auction[Symbol.asyncDispose]());
