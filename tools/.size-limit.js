/**
 * What an import adds to a web page: bundled from the sources, minified, gzipped. Only the codec has a limit, of which
 * the negotiation takes about 400 bytes to name other protocols and to pass on the notice of a busy server, and the
 * limits on the first expression and on the memory of a tree take 160. Noting which lists are long, so that reading
 * them can pause, takes 220.
 */
export default [
  row("both directions of the codec", "banana", "{ encode, decode }"),
  row("codec, scanner and negotiation", "banana", "{ encode, decode, Scanner, Session }", { limit: "6400 B" }),
  ...["banana", "jelly-types", "broker", "cred", "web-transport"].map((folder) =>
    row(`all of @pb/${folder}`, folder, "*"),
  ),
];

function row(name, folder, imported, options = {}) {
  return {
    name,
    path: `../packages/${folder}/src/index.ts`,
    import: imported,
    gzip: true,
    modifyEsbuildConfig: (config) => ({ ...config, conditions: ["@pb/source"], target: "es2022" }),
    ...options,
  };
}
