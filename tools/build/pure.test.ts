// Bundlers drop unused declarations of built files, and used ones work as before.

import { build } from "esbuild";
import { expect, test } from "vitest";
import { markPure } from "./pure.js";

const built = `
const key = Symbol.for("key");
let secretOf;
var Base = class { name = "Base"; };
class Derived extends Base { static kinds = ["a"]; static { addDisposal(this); } get [key]() { return 1; } }
var Anonymous = class extends Base {};
class Secret { #secret = 42; static { secretOf = (secret) => secret.#secret; } }
var options = { ...Derived, kinds: Derived.kinds };
var kinds = Derived.kinds;
var encoder = new TextEncoder();
function addDisposal(type) { type.isDisposable = true; }
export { Anonymous, Base, Derived, Secret, encoder, key, kinds, options, secretOf };
`;

test("a program that uses nothing gets nothing", async () => {
  expect(await bundleWith(built, `import "built";`)).toContain("Derived");
  const text = await bundleWith(markPure(built), `import "built";`);
  for (const name of ["Base", "Derived", "Anonymous", "options", "kinds", "encoder"]) expect(text).not.toContain(name);
});

test("what a program uses works as before, on the same lines", async () => {
  const marked = markPure(built);
  expect(marked.split("\n")).toHaveLength(built.split("\n").length);
  const all = (await import(`data:text/javascript,${encodeURIComponent(marked)}`)) as Record<string, unknown> & {
    Derived: { new (): object; readonly isDisposable: boolean };
    Anonymous: { readonly name: string };
    Secret: new () => object;
    key: symbol;
    secretOf: (secret: object) => number;
  };
  expect(new all.Derived()).toMatchObject({ name: "Base", [all.key]: 1 });
  expect(all.Derived.isDisposable).toBe(true);
  expect(all.Anonymous.name).toBe("Anonymous");
  expect(all.secretOf(new all.Secret())).toBe(42);
  expect(all).toMatchObject({ options: { kinds: ["a"] }, kinds: ["a"], encoder: new TextEncoder() });
});

async function bundleWith(code: string, program: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: program },
    bundle: true,
    format: "esm",
    write: false,
    plugins: [
      {
        name: "built",
        setup(bundler) {
          bundler.onResolve({ filter: /^built$/ }, ({ path }) => ({ path, namespace: "test" }));
          bundler.onLoad({ filter: /./, namespace: "test" }, () => ({ contents: code, loader: "js" }));
        },
      },
    ],
  });
  return outputFiles[0]!.text;
}
