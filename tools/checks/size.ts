/**
 * Checks what the packages add to a web page: programs are bundled with the packages as they are published, minified
 * and gzipped. The README of @pb/web-transport states the same sizes.
 */
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { transform } from "esbuild";
import type { Plugin } from "esbuild";
import { bundle } from "../bench/bundle.js";
import { markPure } from "../build/pure.js";

const connected = `import { connect } from "@pb/web-transport"; const connection = await connect("wss://example.org/pb");`;
const called = `console.log(await root.callRemote("now"));`;
const loggedIn = (credentials: string, args = ""): string =>
  `${connected} import { login, ${credentials} } from "@pb/cred";
   const root = await login(connection, new ${credentials}(${args})); ${called}`;

/** Programs and the most bytes that they may have: about 1 % more than today. A row without a limit is printed only. */
const programs: Record<string, { readonly code: string; readonly limit?: number }> = {
  "the codec: `encode` and `decode`": { code: `export { encode, decode } from "@pb/banana";` },
  "the codec, its scanner and negotiation": {
    code: `export { encode, decode, Scanner, Session } from "@pb/banana";`,
    limit: 7450,
  },
  "`connect` and calls": {
    code: `${connected} const root = await connection.getRootObject(); ${called}`,
    limit: 82_400,
  },
  "… with an anonymous login": { code: loggedIn("Anonymous"), limit: 83_200 },
  "… with a token": { code: loggedIn("BearerToken", `"token"`), limit: 83_600 },
  "… with a password (SCRAM)": { code: loggedIn("UsernamePassword", `"ann", "secret"`), limit: 89_200 },
  "`reconnecting` and calls": {
    code: `import { reconnecting } from "@pb/web-transport"; const root = reconnecting("wss://example.org/pb"); ${called}`,
    limit: 87_600,
  },
  "all packages, with servers": {
    code: ["web-transport", "broker", "cred", "jelly-types"].map((name) => `export * from "@pb/${name}";`).join(""),
    limit: 120_700,
  },
};

/** Returns one line for each program that is too large, and for each size that the README states wrongly. */
export async function size(root: string): Promise<string[]> {
  const readme = readFileSync(`${root}/packages/web-transport/README.md`, "utf8");
  const problems: string[] = [];
  for (const [name, { code, limit = Infinity }] of Object.entries(programs)) {
    const text = await bundle(code, { minify: true, platform: "browser", target: "es2022", plugins: [asPublished] });
    const bytes = gzipSync(text, { level: 9 }).length;
    console.log(`${(bytes / 1000).toFixed(1).padStart(6)} kB  ${name}`);
    if (bytes > limit) problems.push(`${name}: ${bytes} bytes, more than ${limit}.`);
    const stated = readme
      .split("\n")
      .find((line) => line.startsWith(`| ${name} `))
      ?.split("|")[2];
    if (stated !== undefined && Math.abs(parseFloat(stated) * 1000 - bytes) > 500)
      problems.push(`${name}: ${bytes} bytes, but the README of @pb/web-transport says ${stated.trim()}.`);
  }
  return problems;
}

/** Gives esbuild the sources as the build writes them. */
const asPublished: Plugin = {
  name: "as published",
  setup(bundler) {
    bundler.onLoad({ filter: /[\\/]packages[\\/][^\\/]+[\\/]src[\\/].*\.ts$/ }, async ({ path }) => {
      const { code } = await transform(readFileSync(path, "utf8"), {
        loader: "ts",
        target: "es2022",
        define: { PB_VERSION: `"0.0.0"` },
      });
      return { contents: markPure(code), loader: "js" };
    });
  },
};
