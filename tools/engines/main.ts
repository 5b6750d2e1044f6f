/** npm run engines [-- bun deno]: runs the tests of the portable packages in engines that are not Node. */

import { programFromNpm, showTestTable } from "../matrix/test-table.js";

/** The flags with which each engine runs a program. */
const engines: Record<string, readonly string[]> = { bun: ["--bun"], deno: ["run", "--allow-all"] };

/** Tests of V8's counters and heap, of the texts of V8's errors, and of Node's sockets. */
const excluded = [
  "--exclude=**/{work,complexity,heap}.test.ts",
  "--exclude=packages/broker/**/docs.test.ts",
  "--exclude=packages/cred/**/{transport,attacks}.test.ts", // the latter opens a thousand connections at once
];

showTestTable({
  programs: Object.keys(engines),
  find(engine) {
    const found = programFromNpm(engine, engine);
    return found && { name: `${engine} ${found.version}`, command: [found.path, ...engines[engine]!] };
  },
  columns: Object.fromEntries(
    ["banana", "jelly-types", "broker", "cred", "transport"].map((name) => [
      `@pb/${name}`,
      { args: [`packages/${name}/`, ...excluded] },
    ]),
  ),
  page: new URL("TABLE.md", import.meta.url),
  text: `# Other engines

The tests of the portable packages in engines that are not Node, some of them with Twisted as the peer, as on Node. Tests of
V8's counters and heap, of the texts of V8's errors, and of logins over TLS and over many sockets at once are excluded.
That the packages need nothing of Node, as in a browser, is shown by their tests \`portable.test.ts\` and by
\`npm run checks -- layering\`. \`npm run engines\` runs the tests and writes this page.`,
});
