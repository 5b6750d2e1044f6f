import js from "@eslint/js";
import { defineConfig, globalIgnores } from "eslint/config";
import ts from "typescript-eslint";
import { english } from "./tools/docs/english.js";

/** The packages that run anywhere: what belongs to one platform is not theirs to name. */
const portable = ["banana", "jelly-types", "broker", "cred"].map((name) => `packages/${name}/src/**/*.ts`);

export default defineConfig(
  globalIgnores(["**/dist/", "**/node_modules/"]),
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  js.configs.recommended,
  { plugins: { pb: { rules: { english } } }, rules: { "pb/english": "error" } },
  {
    files: ["**/*.ts"],
    extends: [ts.configs.strictTypeChecked, ts.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true, allowAny: false, allowNullish: false, allowRegExp: false },
      ],
      "@typescript-eslint/no-confusing-void-expression": [
        "error",
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      // Bytes are indexed within bounds that were checked just before; `!` says so.
      "@typescript-eslint/no-non-null-assertion": "off",
      // `while (true)` is how a scanner and a dialogue read best.
      "@typescript-eslint/no-unnecessary-condition": [
        "error",
        { allowConstantLoopConditions: "only-allowed-literals" },
      ],
      // `remote_add`, a method called by a peer, may be async without awaiting, and may be empty.
      "@typescript-eslint/require-await": "off",
      "@typescript-eslint/no-empty-function": "off",
      // A marker class or an abstract base may have no members.
      "@typescript-eslint/no-extraneous-class": "off",
      eqeqeq: "error",
    },
  },
  {
    files: ["packages/*/src/**/*.ts"],
    rules: {
      "no-console": "error",
      "no-restricted-syntax": [
        "error",
        { selector: "ExportDefaultDeclaration", message: "Export by name: index.ts lists named exports." },
        {
          selector: "ExportAllDeclaration[exported=null]",
          message: "List the names: index.ts is a table of contents.",
        },
      ],
    },
  },
  // Programs to read and to run: they print.
  { files: ["packages/examples/src/**/*.ts"], rules: { "no-console": "off" } },
  {
    files: portable,
    rules: {
      "no-restricted-globals": [
        "error",
        { name: "Buffer", message: "This package runs anywhere: use Uint8Array." },
        { name: "process", message: "This package runs anywhere: take it as an option." },
        { name: "setImmediate", message: "This package runs anywhere: use queueMicrotask or setTimeout." },
        { name: "window", message: "This package runs anywhere: use globalThis." },
        { name: "self", message: "This package runs anywhere: use globalThis." },
        { name: "document", message: "This package runs anywhere." },
      ],
      "no-restricted-imports": [
        "error",
        { patterns: [{ group: ["node:*"], message: "This package runs anywhere; only transports see Node." }] },
      ],
    },
  },
  {
    files: ["packages/*/test/**/*.ts", "tools/**/*.ts"],
    rules: {
      // Tests hand wrong things over on purpose and read what came back without a type.
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
      "@typescript-eslint/no-unsafe-argument": "off",
      "@typescript-eslint/no-unsafe-call": "off",
      "@typescript-eslint/no-unsafe-return": "off",
      "@typescript-eslint/no-explicit-any": "off",
    },
  },
  {
    files: ["**/*.{js,mjs}"],
    languageOptions: {
      globals: Object.fromEntries(
        ["clearInterval", "console", "process", "setInterval", "URL"].map((name) => [name, "readonly"]),
      ),
    },
  },
);
