import { transform } from "esbuild";
import { describe, expect, it } from "vitest";
import { requireOneByte, toOneByte } from "./one-byte.js";

async function built(source: string): Promise<string> {
  return toOneByte((await transform(source, { loader: "ts" })).code);
}

describe("toOneByte", () => {
  it("replaces the dots in comments, and keeps those of texts", async () => {
    const source =
      'class A {\n  /** Reads `[reference, …]`. */\n  static texts = ["a…", `b…`];\n}\nexport const { texts } = A;';
    const code = await built(source);
    expect(code).toContain("[reference, ...]");
    const { texts } = (await import(`data:text/javascript,${requireOneByte(code)}`)) as { texts: string[] };
    expect(texts).toEqual(["a…", "b…"]);
  });
});

describe("requireOneByte", () => {
  it.each(["export const pattern = /a…/;", "class A {\n  // 😀\n  a = 1;\n}\nnew A();"])(
    "refuses %j",
    async (source) => {
      const code = await built(source);
      expect(() => requireOneByte(code)).toThrow(/The output has the character […😀]/u);
    },
  );

  it("accepts Latin-1", () => expect(requireOneByte("// é")).toBe("// é"));
});
