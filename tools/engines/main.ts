/** npm run engines [-- bun deno]: runs the tests of the portable packages in engines that are not Node. */

import { programFromNpm, showTestTable } from "../matrix/test-table.js";

/** The flags with which each engine runs a program. */
const engines: Record<string, readonly string[]> = { bun: ["--bun"], deno: ["run", "--allow-all"] };

/** Excluded, with the reason that the page gives. */
const excluded = [
  "**/{work,complexity,heap}.test.ts", // V8's counters and heap
  "packages/banana/test/portable.test.ts", // esbuild, which Deno leaves running
  "packages/broker/**/docs.test.ts", // the texts of V8's errors
  "packages/cred/test/transport.test.ts", // TLS of Node
  "packages/cred/test/crowd.test.ts", // Bun does not accept a thousand connections in time
  "packages/web-transport/test/docs.test.ts", // starts programs with the flags of Node
  "packages/web-transport/test/node/{tls,bad-input,gateway}.test.ts", // the details of Node's sockets and of `ws`
].map((pattern) => `--exclude=${pattern}`);

showTestTable({
  programs: Object.keys(engines),
  find(engine) {
    const found = programFromNpm(engine, engine);
    return found && { name: `${engine} ${found.version}`, command: [found.path, ...engines[engine]!] };
  },
  columns: Object.fromEntries(
    ["banana", "jelly-types", "broker", "cred", "live", "cluster", "transport", "web-transport"].map((name) => [
      `@pb/${name}`,
      { args: [`packages/${name}/`, ...excluded] },
    ]),
  ),
  page: new URL("TABLE.md", import.meta.url),
  text: `# Other engines

The tests of the portable packages in engines that are not Node, some of them with Twisted as the peer, as on Node. Not run
are the tests

- of V8's counters and heap, of the texts of V8's errors, and of the size of the codec, which esbuild measures;
- of logins over TLS, of the time that a login takes, and of a thousand logins at once: Bun does not accept a thousand connections in time;
- of TLS, of gateways and of invalid frames in \`@pb/web-transport/node\`. Bun replaces the package \`ws\` by its own code,
  which does not report invalid frames. Deno reports other numbers of queued bytes of a socket.

That the packages need nothing of Node, as in a browser, is shown in Node by their tests \`portable.test.ts\` and by
\`npm run checks -- layering\`. \`npm run engines\` runs the tests and writes this page.`,
});
