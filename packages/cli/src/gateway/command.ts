// The arguments and the help of `pb gateway`.

import type { Command } from "commander";
import { collect, endpointHelp, examples } from "../help.js";
import type { CliIo } from "../io.js";
import type { GatewayFlags } from "./gateway.js";

export function addGateway(program: Command, io: CliIo, done: (status: number) => void): void {
  const list = (text: string, before: readonly string[] = []): string[] => [...before, ...text.split(",")];
  program
    .command("gateway")
    .description("Let browsers use a server that has sockets only, such as a Twisted program.")
    .requiredOption(
      "--listen <endpoint>",
      "where browsers connect: ws:8080:path=/pb, wss:8443:privateKey=key.pem:certKey=cert.pem",
    )
    .requiredOption("--to <endpoint>", `the server: ${endpointHelp}`)
    .option("--origins <list>", "the origins of the pages that may connect, by commas (default: self)", list)
    .option("--methods <list>", "the methods that browsers may call, with those of the login (default: all)", list)
    .option("--trust-proxies <list>", "addresses and networks of proxies, whose X-Forwarded headers are believed", list)
    .option("--limit <name=number>", "a limit for connections, such as connections=1000; can be repeated", collect)
    .option("--message-bytes <number>", "the largest message of a browser (default: 1048576)")
    .option("--held-bytes <number>", "bytes held for a browser that cannot be paused (default: 16777216)")
    .option("--connect-timeout <seconds>", "the longest time to reach the server (default: 30)")
    .option("--tls-timeout <seconds>", "the longest time for a TLS handshake with the server (default: 15)")
    .option("--json", "print events as lines of JSON")
    .addHelpText(
      "after",
      `
Limits: connections, connectionsPerAddress, newcomersPerAddress, negotiating, strangers, tlsMs
${examples(
  "pb gateway --listen ws:8080:path=/pb --to tcp:localhost:8787",
  "pb gateway --listen ws:8080 --to unix:/run/shop.sock --origins self,https://app.example.org",
  "pb gateway --listen ws:8080 --to tcp:localhost:8787 --methods login,respond,bid --limit connections=500",
)}`,
    )
    .action(async (flags: GatewayFlags) => {
      const { runGateway } = await import("./gateway.js");
      done(await runGateway(flags, io));
    });
}
