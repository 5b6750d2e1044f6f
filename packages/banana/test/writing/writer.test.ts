import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BananaWriter, decode, none, pb, TreeWriter, Vocabulary, writeExpression } from "@pb/banana";
import type { Expression, ExpressionWriter } from "@pb/banana";
import { dialect, expression } from "../helpers/arbitraries.js";
import { toHex } from "../helpers/tagged.js";

test("both writers write the same expression", () => {
  fc.assert(
    fc.property(expression, dialect, (value, spoken) => {
      const bytes = new BananaWriter({ dialect: spoken });
      const tree = new TreeWriter();
      writeExpression(bytes, value);
      writeExpression(tree, value);
      expect(decode(bytes.take(), { dialect: spoken })).toStrictEqual(value);
      expect(tree.take()).toStrictEqual(value);
    }),
  );
});

describe("text and words", () => {
  test("writes the same words each time, in a dialect that was not used before", () => {
    const own = { name: "own", vocabulary: new Vocabulary([[1, "hello"]]) };
    for (const word of ["hello", "abc", "a word of", "a longer word"]) {
      const bytes = [1, 2, 3].map(() => {
        const writer = new BananaWriter({ dialect: own });
        writer.word(word);
        return toHex(writer.take());
      });
      const expected = word === "hello" ? "0187" : toHex(Uint8Array.of(word.length, 0x82, ...Buffer.from(word)));
      expect(bytes).toEqual([expected, expected, expected]);
    }
  });

  test("writes text of any length and any characters as UTF-8", () => {
    const writer = new BananaWriter();
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 50 }),
      fc
        .tuple(fc.string({ unit: "binary", maxLength: 4 }), fc.integer({ min: 1, max: 5000 }))
        .map(([part, times]) => part.repeat(times)),
      fc
        .tuple(fc.nat(3000), fc.string({ unit: "binary", maxLength: 9 }))
        .map(([plain, end]) => "a".repeat(plain) + end),
    );
    fc.assert(
      fc.property(text, (each) => {
        writer.text(each);
        expect(Buffer.from(decode(writer.take()) as Uint8Array).equals(Buffer.from(each))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test.each(["\ud800", "a\udc00b", `${"long ".repeat(1000)}\ud800`])(
    "text with a lone surrogate is refused",
    (text) => {
      for (const writer of [new BananaWriter(), new TreeWriter()]) {
        expect(() => writer.text(text)).toThrow(expect.objectContaining({ code: "BANANA_LONE_SURROGATE" }));
        expect(writer.position).toBe(0);
      }
    },
  );

  test("writes a word, also repeatedly, as the same bytes as its byte string", () => {
    const words = [
      "",
      "a",
      "None",
      "list",
      "unicode",
      "twelve bytes",
      "eleven byte",
      "ten bytes!",
      "x".repeat(40),
      "none",
    ];
    for (const spoken of ["pb", "none"] as const) {
      const writer = new BananaWriter({ dialect: spoken });
      for (let time = 0; time < 3; time++) {
        for (const word of words) {
          writer.word(word);
          const written = toHex(writer.take());
          writer.bytes(new TextEncoder().encode(word));
          expect(written).toBe(toHex(writer.take()));
        }
      }
    }
  });

  test("refuses a word that is not ASCII", () => {
    expect(() => new BananaWriter().word("é")).toThrow(TypeError);
    expect(() => new BananaWriter({ limits: { stringBytes: 3 } }).word("four")).toThrow(
      expect.objectContaining({ code: "BANANA_STRING_TOO_LONG" }),
    );
  });

  test("a new dialect applies to all later elements", () => {
    const writer = new BananaWriter();
    writer.list(4);
    writer.word("list");
    writer.word("unicode");
    writer.dialect = pb;
    writer.word("list");
    writer.dialect = none;
    writer.word("list");
    expect(toHex(writer.take())).toBe("0480" + "04826c697374" + "0782756e69636f6465" + "0887" + "04826c697374");
  });
});

describe("insert, truncate and take", () => {
  const writers = (): [BananaWriter, () => Expression][] | [TreeWriter, () => Expression][] => {
    const writer = new BananaWriter();
    const tree = new TreeWriter();
    return [
      [writer, () => decode(writer.take())],
      [tree, () => tree.take()],
    ] as never;
  };

  test("an insertion wraps an element that is already written", () => {
    for (const [writer, take] of writers() as [ExpressionWriter, () => Expression][]) {
      writer.list(2);
      const first = writer.position;
      writer.list(1);
      const inner = writer.position;
      writer.integer(7);
      writer.integer(8);
      for (const [position, mark] of [
        [inner, 2],
        [first, 1],
      ] as const) {
        writer.insert(position, (into) => {
          into.list(2);
          into.integer(mark);
        });
      }
      expect(take()).toStrictEqual([[1, [[2, 7]]], 8]);
    }
  });

  test("two insertions at one position keep their order", () => {
    for (const [writer, take] of writers() as [ExpressionWriter, () => Expression][]) {
      writer.list(3);
      const place = writer.position;
      writer.integer(3);
      writer.insert(place, (into) => into.integer(1));
      writer.insert(place, (into) => into.integer(2));
      expect(take()).toStrictEqual([1, 2, 3]);
    }
  });

  test("truncate removes elements and the insertions between them", () => {
    for (const [writer, take] of writers() as [ExpressionWriter, () => Expression][]) {
      writer.list(1);
      const place = writer.position;
      writer.list(1);
      writer.insert(writer.position, (into) => into.integer(9));
      writer.truncate(place);
      writer.integer(1);
      expect(take()).toStrictEqual([1]);
    }
  });

  test("truncate removes an insertion at the position to which it truncates, and keeps those before it", () => {
    for (const [writer, take] of writers() as [ExpressionWriter, () => Expression][]) {
      writer.list(3);
      const start = writer.position;
      writer.integer(2);
      const place = writer.position;
      writer.integer(8);
      writer.insert(place, (into) => into.integer(9));
      writer.insert(start, (into) => into.integer(1));
      writer.truncate(place);
      writer.integer(3);
      expect(take()).toStrictEqual([1, 2, 3]);
    }
  });

  test("insertions of any number and size are applied at their positions", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(3000), fc.boolean()), { maxLength: 30 }), (elements) => {
        const writer = new BananaWriter();
        const expected: Expression[] = [];
        writer.list(elements.length);
        for (const [size, isWrapped] of elements) {
          const place = writer.position;
          const bytes = new Uint8Array(size).fill(size);
          writer.bytes(bytes);
          expected.push(isWrapped ? [size, bytes] : bytes);
          if (!isWrapped) continue;
          writer.insert(place, (into) => {
            into.list(2);
            into.integer(size);
          });
        }
        expect(decode(writer.take())).toStrictEqual(expected);
      }),
    );
  });

  test("bytes that were taken do not change when the writer continues", () => {
    const writer = new BananaWriter();
    const taken: Uint8Array[] = [];
    const expected: string[] = [];
    for (const size of [10, 100_000, 300, 70_000, 66_000, 5]) {
      writer.bytes(new Uint8Array(size).fill(size));
      taken.push(writer.take());
      expected.push(toHex(taken.at(-1)!));
    }
    writer.bytes(new Uint8Array(100_000));
    expect(taken.map(toHex)).toStrictEqual(expected);
  });

  test("views have the same bytes as copies, and do not change either before they are reused", () => {
    const piece = fc.record({
      value: expression,
      sizes: fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 3 }),
      isWrapped: fc.boolean(),
      isTruncated: fc.boolean(),
      isCopied: fc.boolean(),
      isReused: fc.boolean(),
      isHeaded: fc.boolean(),
      text: fc.option(fc.string({ unit: "grapheme", maxLength: 60 })),
    });
    fc.assert(
      fc.property(dialect, fc.array(piece, { maxLength: 40 }), (spoken, pieces) => {
        const writer = new BananaWriter({ dialect: spoken });
        const taken: Uint8Array[] = [];
        const expected: string[] = [];
        for (const { value, sizes, isWrapped, isTruncated, isCopied, isReused, isHeaded, text } of pieces) {
          const alone = new BananaWriter({ dialect: spoken });
          for (const into of [alone, writer]) {
            expect(into.position).toBe(0);
            if (isHeaded) into.word("list");
            const place = into.position;
            if (isTruncated) {
              into.text("nobody hears this");
              into.insert(place, (inserted) => inserted.text("nor this"));
              into.truncate(place);
            }
            if (text !== null) into.text(text);
            writeExpression(into, value);
            for (const size of sizes) into.bytes(new Uint8Array(size).fill(size));
            if (isWrapped) into.insert(place, (inserted) => inserted.word("reference"));
            if (sizes.length > 1) into.append(into.since(place));
          }
          expected.push(toHex(alone.take()));
          const bytes = isCopied ? writer.take() : writer.takeView();
          if (isReused) BananaWriter.reuse(bytes);
          taken.push(isReused ? bytes.slice() : bytes);
        }
        expect(taken.map(toHex)).toStrictEqual(expected);
      }),
    );
  });

  test("the memory of a view that is reused is that of the next bytes", () => {
    const [one, other] = [new BananaWriter(), new BananaWriter()];
    const view = (writer: BananaWriter): Uint8Array => {
      writer.integer(1);
      return writer.takeView();
    };
    view(one); // Writers of other tests may have the shared buffer until then.
    const first = view(one);
    BananaWriter.reuse(first);
    const second = view(other);
    expect([second.buffer, second.byteOffset]).toEqual([first.buffer, first.byteOffset]);
    const third = view(one);
    BananaWriter.reuse(second); // The third view begins behind it.
    expect(view(one).byteOffset).toBe(third.byteOffset + third.length);
  });

  test("the memory of a large view that is reused is that of the next large message, of any writer", () => {
    const [one, other] = [new BananaWriter(), new BananaWriter()];
    const view = (writer: BananaWriter, ...sizes: number[]): Uint8Array => {
      for (const size of sizes) writer.bytes(new Uint8Array(size).fill(size));
      return writer.takeView();
    };
    const first = view(one, 100_000);
    const kept = view(one, 5, 100_000);
    const hex = toHex(kept);
    BananaWriter.reuse(first);
    const small = view(one, 10); // Its bytes are copied out of the large buffer.
    const second = view(other, 70_000, 20_000);
    expect(second.buffer).toBe(first.buffer);
    expect(small.buffer).not.toBe(first.buffer);
    const third = view(other, 90_000);
    expect([third.buffer, kept.buffer]).not.toContain(first.buffer);
    BananaWriter.reuse(second);
    expect(view(one, 60, 80_000, 300).buffer).toBe(first.buffer);
    expect(view(one, 300_000).length).toBe(300_004); // Too large for it.
    expect(toHex(kept)).toBe(hex);
    expect(toHex(small)).toBe("0a82" + "0a".repeat(10));
  });

  /** Takes all buffers that are kept for writers: those of other tests. */
  const useKept = (): void => {
    for (let count = 0; count < 600; count++) new BananaWriter().integer(1);
    const last = new BananaWriter();
    last.integer(1);
    last.takeView();
  };

  test("the memory of small views that are reused is that of other writers, up to a megabyte of it", () => {
    useKept();
    const writers = Array.from({ length: 2400 }, () => new BananaWriter());
    const views = (): Uint8Array[] => {
      for (const [index, writer] of writers.entries()) for (const value of [index, -index]) writer.integer(value);
      return writers.map((writer) => writer.takeView());
    };
    const first = views();
    const kept = first.slice(0, 50).map((view) => [view, toHex(view)] as const);
    for (const view of first.slice(50)) BananaWriter.reuse(view);
    const second = views();
    const reused = new Set(first.slice(50).map(({ buffer }) => buffer));
    expect(second.filter(({ buffer }) => reused.has(buffer))).toHaveLength((1024 * 1024) / 512);
    expect(new Set(second.map(({ buffer }) => buffer)).size).toBe(2400);
    for (const [view, hex] of kept) expect(toHex(view)).toBe(hex);
    for (const [index, view] of second.entries()) {
      const alone = new BananaWriter();
      for (const value of [index, -index]) alone.integer(value);
      expect(toHex(view)).toBe(toHex(alone.take()));
    }
  });

  test("writers that write at the same time have small buffers, except for the first", () => {
    useKept();
    const writers = Array.from({ length: 3 }, () => new BananaWriter());
    writers[0]!.integer(1);
    writers[0]!.takeView();
    for (const writer of writers) writer.integer(1);
    for (let count = 0; count < 300; count++) writers[2]!.integer(count);
    const views = writers.map((writer) => writer.takeView());
    expect(views.map(({ buffer }) => buffer.byteLength)).toEqual([16_384, 512, 1024]);
    writers[1]!.integer(1);
    expect(writers[1]!.takeView().buffer).toBe(views[0]!.buffer);
  });

  test("a word that one writer has cached does not bypass the limit of another", () => {
    const words = ["dictionary", "reference", "unicode"];
    for (const word of words) new BananaWriter().word(word);
    for (const word of words)
      expect(() => new BananaWriter({ limits: { stringBytes: 5 } }).word(word)).toThrow("over the limit of 5");
  });
});

test.each([NaN, 1.5, Infinity, 2 ** 53])("integer refuses %d", (value) => {
  expect(() => new BananaWriter().integer(value)).toThrow(TypeError);
});

test.each([-1, 1.5, NaN])("list refuses the length %d", (length) => {
  expect(() => new BananaWriter().list(length)).toThrow(TypeError);
});
