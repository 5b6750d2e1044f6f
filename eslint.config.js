import js from "@eslint/js";
import { builtinModules } from "node:module";
import { defineConfig, globalIgnores } from "eslint/config";
import ts from "typescript-eslint";
import { english } from "./tools/docs/english.js";

/** What runs on every platform: it must not use what only one platform has. */
const portable = [
  "banana",
  "jelly-types",
  "broker",
  "cred",
  "live",
  "cluster",
  "telemetry",
  "transport",
  "web-transport",
].map((name) => `packages/${name}/src/**/*.ts`);

export default defineConfig(
  globalIgnores(["**/dist/", "**/node_modules/", "packages/docs/.pages/", "packages/docs/.vitepress/.temp/"]),
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
      // Code that indexes bytes checks the bounds first, and then states with `!` that the element exists.
      "@typescript-eslint/no-non-null-assertion": "off",
      // `while (true)` is allowed: scanners and handshakes use it.
      "@typescript-eslint/no-unnecessary-condition": [
        "error",
        { allowConstantLoopConditions: "only-allowed-literals" },
      ],
      // A method that peers call (`remote_add`) may be async without `await`, and may be empty.
      "@typescript-eslint/require-await": "off",
      "@typescript-eslint/no-empty-function": "off",
      // A marker class or an abstract base may have no members.
      "@typescript-eslint/no-extraneous-class": "off",
      eqeqeq: "error",
      "no-restricted-imports": [
        "error",
        { paths: builtinModules.map((name) => ({ name, message: `Import "node:${name}".` })) },
      ],
    },
  },
  {
    files: ["packages/*/src/**/*.ts"],
    ignores: ["**/vite.config.ts"],
    rules: {
      "no-console": "error",
      "no-restricted-syntax": [
        "error",
        {
          selector: "ExportDefaultDeclaration, ExportSpecifier[exported.name='default']",
          message: "Export by name: index.ts lists named exports.",
        },
        {
          selector: "ExportAllDeclaration[exported=null]",
          message: "List the exported names.",
        },
      ],
    },
  },
  // The examples are programs that print.
  { files: ["packages/examples/src/**/*.ts"], rules: { "no-console": "off" } },
  {
    files: portable,
    ignores: ["packages/web-transport/src/node/**"],
    rules: {
      "no-restricted-globals": [
        "error",
        {
          globals: [
            { name: "Buffer", message: "This package runs on every platform: use Uint8Array." },
            { name: "process", message: "This package runs on every platform: add an option instead." },
            { name: "setImmediate", message: "This package runs on every platform: use queueMicrotask or setTimeout." },
            { name: "window", message: "This package runs on every platform: use globalThis." },
            { name: "self", message: "This package runs on every platform: use globalThis." },
            { name: "document", message: "This package runs on every platform." },
          ],
          checkGlobalObject: true,
        },
      ],
    },
  },
  {
    files: ["packages/*/test/**/*.ts", "tools/**/*.ts"],
    rules: {
      // Tests pass invalid values on purpose and read untyped results.
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
