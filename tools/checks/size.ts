/** What an import costs in a browser: bundled from the sources, minified, gzipped. */
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

interface Import {
  what: string;
  from: string;
  /** "*" for everything. */
  names: string[] | "*";
  /** In bytes. Without one the size is only printed. */
  limit?: number;
}

const measured: Import[] = [
  { what: "both directions of the codec", from: "@pb/banana", names: ["encode", "decode"] },
  {
    what: "the codec, the scanner and the negotiation",
    from: "@pb/banana",
    names: ["encode", "decode", "Scanner", "Session"],
    limit: 5850,
  },
  { what: "all of @pb/banana", from: "@pb/banana", names: "*" },
  { what: "all of @pb/jelly-types", from: "@pb/jelly-types", names: "*" },
  { what: "all of @pb/broker", from: "@pb/broker", names: "*" },
  { what: "all of @pb/cred", from: "@pb/cred", names: "*" },
];

export async function size(root: string): Promise<string[]> {
  const findings: string[] = [];
  for (const entry of measured) {
    const bytes = await gzippedSize(root, entry).catch((error: unknown) => String(error));
    if (typeof bytes === "string") {
      findings.push(`${entry.what}: ${bytes}`);
      continue;
    }
    const limit = entry.limit === undefined ? "" : ` of ${entry.limit} allowed`;
    console.log(`${bytes.toString().padStart(7)} bytes${limit}  ${entry.what}`);
    if (entry.limit !== undefined && bytes > entry.limit) {
      findings.push(`${entry.what}: ${bytes} bytes, over its limit of ${entry.limit}.`);
    }
  }
  return findings;
}

async function gzippedSize(root: string, { from, names }: Import): Promise<number> {
  const contents = `export ${names === "*" ? "*" : `{ ${names.join(", ")} }`} from "${from}";`;
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: `${root}/tools` },
    conditions: ["@pb/source"],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
    logLevel: "silent",
  });
  return gzipSync(outputFiles[0]!.contents, { level: 9 }).length;
}
