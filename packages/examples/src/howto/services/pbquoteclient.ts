// Requests a quote and prints it. (howto/TwistedQuotes/pbquoteclient.py)

import { connect } from "@pb/node-transport";
import type { QuoteReader } from "./pbquote.js";

try {
  await using connection = await connect(`tcp:localhost:${process.argv[2] ?? 8787}`);
  const reader = await connection.getRootObject<QuoteReader>();
  console.log(await reader.callRemote("nextQuote"));
} catch {
  console.log("Failed to obtain quote.");
}
