/** What an import adds to a web page: bundled from the sources, minified, gzipped. Only the codec has a limit. */
const rows = [
  { name: "both directions of the codec", folder: "banana", import: "{ encode, decode }" },
  {
    name: "codec, scanner and negotiation",
    folder: "banana",
    import: "{ encode, decode, Scanner, Session }",
    limit: "5800 B",
  },
  ...["banana", "jelly-types", "broker", "cred"].map((folder) => ({
    name: `all of @pb/${folder}`,
    folder,
    import: "*",
  })),
];

export default rows.map(({ folder, ...row }) => ({
  ...row,
  path: `../packages/${folder}/src/index.ts`,
  gzip: true,
  modifyEsbuildConfig: (config) => ({ ...config, conditions: ["@pb/source"], target: "es2022" }),
}));
